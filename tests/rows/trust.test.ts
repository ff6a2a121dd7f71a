import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hostsOf, type Api } from '../../lab/demo/run/api.ts';
import { runCli } from '../../lab/demo/run/server.ts';
import { rollOut } from '../../lab/demo/run/steps/change.ts';
import { until } from '../../lab/demo/run/wait.ts';
import { ApiError } from '../../src/client/client.ts';
import { signApproval } from '../../src/cli/approval.ts';
import { systemActor } from '../../src/model/actor.ts';
import type { Change } from '../../src/model/change.ts';
import { TrailVerdict } from '../../src/model/trail.ts';
import type { TestPlatform } from '../../src/platform/testing.ts';
import {
  addPerson,
  approved,
  asRoot,
  bringUnderManagement,
  carryOut,
  entriesOf,
  hasHostFile,
  hostNamed,
  planFor,
  readHostFile,
  removeHostFile,
  sequenced,
  sha256,
  skip,
  startLab,
  testDatabase,
  type Lab,
} from './harness.ts';

let lab: Lab;
let platform: TestPlatform;
let author: { api: Api; pem: string };
const HOSTS = ['partner-api', 'reports', 'files'];

before(async () => {
  if (skip) return;
  const database = await testDatabase();
  platform = database.platform;
  lab = await startLab({ net: 102, only: HOSTS, database });
  // An administrator with a key that every agent pins: whatever is refused is refused for being the author.
  author = await addPerson(lab, 'author', 'admin');
  await bringUnderManagement(lab);
});
after(() => lab?.close());

const outcomesOf = (change: Change): unknown[] =>
  change.waves.flatMap(({ tasks }) => tasks.flatMap(({ outcomes }) => outcomes));
const changeNow = (id: string): Promise<Change> => lab.people.operator.getChange({ params: { id } });
const refused =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof ApiError && error.code === code;

test(
  '5.2: the author’s own approval is refused by the server, and forged into the database by the host',
  { skip },
  async () => {
    const { change } = await planFor(lab, ['partner-api'], { author: author.api });
    const params = { id: change.id };
    const own = signApproval(author.pem, change.id, change.planDigest!, new Date());
    await assert.rejects(author.api.approveChange({ params, body: own }), refused('APPROVAL_BY_AUTHOR'));
    const status = readHostFile(lab, 'partner-api', 'var/lib/dpkg/status');
    // By the back door, with a genuine signature of the author's genuine key.
    const { statement, signature } = own;
    await lab.sql(
      `insert into change.approval (digest, key_id, person, statement, signature, approved_at)
     values ($1, $2, $3, $4, $5, now())`,
      [change.planDigest, statement.keyId, change.author, statement, signature],
    );
    await lab.sql(`update change.change set state = 'scheduled' where id = $1`, [change.id]);
    await assert.rejects(author.api.runChange({ params }), refused('CHANGE_NOT_APPROVED'));
    // Even past the server: the change is made to run, the task is handed to its agent.
    await lab.sql(`update change.change set state = 'running' where id = $1`, [change.id]);
    await lab.sql(`update change.task set state = 'running', moved_at = now() where change_id = $1`, [change.id]);
    const ended = await until('the host to refuse', 40, async () => {
      const now = await changeNow(change.id);
      return ['failed', 'rolled-back', 'closed'].includes(now.state) ? now : null;
    });
    assert.notEqual(ended.state, 'closed');
    assert.match(ended.why ?? '', /REFUSED_APPROVAL_BY_AUTHOR/);
    assert.deepEqual(outcomesOf(ended), []);
    const [entry] = await entriesOf(lab, change, 'change.task.refused');
    assert.equal(entry?.detail['code'], 'REFUSED_APPROVAL_BY_AUTHOR');
    assert.equal(readHostFile(lab, 'partner-api', 'var/lib/dpkg/status'), status);
  },
);

/** The exported trail, judged by the offline verifier without a server. */
async function verified(): Promise<{ code: number; verdict: TrailVerdict }> {
  const file = join(lab.out, 'trail.jsonl');
  writeFileSync(file, String(await lab.people.operator.exportTrail()));
  const ran = await runCli({ url: 'http://127.0.0.1:9', token: '' }, ['trail', 'verify', file, '--json']);
  return { code: ran.code, verdict: TrailVerdict.parse(JSON.parse(ran.stdout)) };
}

interface Row {
  seq: string;
  index: string;
  bytes: Buffer;
  leaf_hash: Buffer;
}
const leafOf = (bytes: Buffer): Buffer => createHash('sha256').update(Buffer.of(0)).update(bytes).digest();

test(
  '6.12, 6.5: what a host signed cannot be made up, neither in the database nor by the server itself',
  { skip },
  async () => {
    const { change } = await planFor(lab, ['partner-api']);
    const done = await carryOut(lab, change);
    assert.equal(done.state, 'closed', done.why ?? '');
    await sequenced(lab);
    const clean = await verified();
    assert.deepEqual([clean.code, clean.verdict.problems], [0, []]);
    assert.ok(clean.verdict.checked.outcomes >= 5, `${clean.verdict.checked.outcomes} outcomes were checked`);
    const [row] = await lab.sql<Row>(
      `select seq, bytes, leaf_hash, index from ledger.entry join trail.leaf using (seq)
     where type = 'change.step.finished' and convert_from(bytes, 'UTF8') like '%"signed":{%' order by seq limit 1`,
    );
    assert.ok(row);
    // A database administrator makes the host say something else, and the row's own hash fit.
    const forged = Buffer.from(row.bytes.toString().replaceAll('0.10.48-1', '0.10.49-1'));
    assert.notDeepEqual(forged, row.bytes);
    const put = 'update ledger.entry set bytes = $1, leaf_hash = $2 where seq = $3';
    await lab.sql(put, [forged, leafOf(forged), row.seq]);
    const altered = await verified();
    assert.notEqual(altered.code, 0);
    assert.match(altered.verdict.problems.join('\n'), new RegExp(`\\b${row.index}\\b`));
    await lab.sql(put, [row.bytes, row.leaf_hash, row.seq]);
    assert.equal((await verified()).code, 0);
    // The server itself, keys and all: a new entry in its place in the tree, under its own signature.
    const entry = JSON.parse(forged.toString()) as { subject: { kind: 'change'; id: string }; detail: never };
    const draft = { type: 'change.step.finished', subject: entry.subject, detail: entry.detail };
    await platform.act(systemActor('test'), draft, async () => {});
    const size = await sequenced(lab);
    const invented = await verified();
    assert.equal(invented.verdict.size, size);
    assert.notEqual(invented.code, 0);
    assert.match(invented.verdict.problems.join('\n'), /sign/);
  },
);

const noteSize = (name: string): number =>
  Number(readHostFile(lab, name, 'var/lib/lastember/checkpoint').split('\n')[1] ?? 0);

/** Agents look at the trail when they start. */
async function agentsLook(): Promise<void> {
  await Promise.all(HOSTS.map((name) => asRoot(lab, name, 'systemctl restart lastember-agent.service')));
}

/** All of them look, and have seen this much. Something was written since they last did. */
async function agentsSee(size: number): Promise<void> {
  await agentsLook();
  await until('the agents to have seen it', 20, async () => HOSTS.every((name) => noteSize(name) >= size));
}

async function alarms(since: number): Promise<Map<string, { seen: string; offered: string }>> {
  const { items } = await lab.people.operator.listTrailAlarms();
  const fresh = items.filter(({ at }) => Date.parse(at) >= since);
  return new Map(fresh.map(({ hostId, seen, offered }) => [hostId, { seen: seen.root, offered: offered.root }]));
}

async function everyAgentAlarms(since: number): Promise<void> {
  const hosts = await hostsOf(lab.people.operator);
  const raised = await until('every agent to raise an alarm', 30, async () => {
    const all = await alarms(since);
    return hosts.every(({ id }) => all.has(id)) ? all : null;
  });
  for (const { id, name } of hosts) {
    const { seen, offered } = raised.get(id)!;
    assert.match(`${seen} ${offered}`, /^[0-9a-f]{64} [0-9a-f]{64}$/, name);
  }
}

/** An operator has looked: the alarm is taken back on the hosts, what they remember stays. */
async function endAlarms(): Promise<void> {
  for (const name of HOSTS) {
    assert.ok(hasHostFile(lab, name, 'var/lib/lastember/alarm.json'));
    removeHostFile(lab, name, 'var/lib/lastember/alarm.json');
  }
  await agentsSee(await sequenced(lab));
}

/** Two checkpoints: the agents have seen the first, the server has signed the second. */
async function ahead(): Promise<{ least: number; most: number }> {
  const write = async (): Promise<void> => {
    const { id } = await hostNamed(lab, 'files');
    await lab.people.operator.setHostTags({ params: { id }, body: { tags: { note: randomUUID() } } });
    await sequenced(lab);
  };
  await write();
  // A tree of exactly 2ⁿ entries is one node: then nothing of it is part of a proof.
  while (Number.isInteger(Math.log2(await sequenced(lab)))) await write();
  await agentsSee(await sequenced(lab));
  const seen = HOSTS.map(noteSize);
  await write();
  return { least: Math.min(...seen), most: Math.max(...seen) };
}

test(
  'M.8, 6.7: a history rewritten by a database administrator alarms every agent, with both roots',
  { skip },
  async () => {
    const { most } = await ahead();
    assert.ok(most < (await sequenced(lab)));
    const [row] = await lab.sql<Row>(
      'select seq, bytes, leaf_hash, index from ledger.entry join trail.leaf using (seq) where index = 1',
    );
    const nodes = await lab.sql<{ level: number; index: string; hash: Buffer }>('select * from trail.node');
    const since = Date.now();
    // The entry, its leaf, and every node above it, so that all of it fits together.
    const forged = Buffer.from(row!.bytes.toString().replace('"at":"2', '"at":"1'));
    await lab.sql('update ledger.entry set bytes = $1, leaf_hash = $2 where seq = $3', [
      forged,
      leafOf(forged),
      row!.seq,
    ]);
    const hashes = new Map(nodes.map(({ level, index, hash }) => [`${level} ${index}`, hash]));
    let hash = leafOf(forged);
    for (let level = 0, index = 1; hashes.has(`${level} ${index}`); level += 1, index >>= 1) {
      await lab.sql('update trail.node set hash = $1 where level = $2 and index = $3', [hash, level, index]);
      const sibling = hashes.get(`${level} ${index ^ 1}`) ?? Buffer.alloc(0);
      const pair = index % 2 === 1 ? [sibling, hash] : [hash, sibling];
      hash = createHash('sha256')
        .update(Buffer.concat([Buffer.of(1), ...pair]))
        .digest();
    }
    await agentsLook();
    await everyAgentAlarms(since);
    assert.ok(!(await lab.people.operator.verifyTrail()).verified);
    await lab.sql('update ledger.entry set bytes = $1, leaf_hash = $2 where seq = $3', [
      row!.bytes,
      row!.leaf_hash,
      row!.seq,
    ]);
    for (const { level, index, hash: old } of nodes)
      await lab.sql('update trail.node set hash = $1 where level = $2 and index = $3', [old, level, index]);
    await endAlarms();
  },
);

test('M.8, 6.7: a truncated history alarms every agent, and none carries anything out any more', { skip }, async () => {
  const { least } = await ahead();
  const { change } = await planFor(lab, ['files', 'reports'], { kit: 'linux-baseline' });
  await approved(lab, change);
  await sequenced(lab);
  const [kept] = await lab.sql<{ size: string }>(
    'select size from trail.checkpoint where size < $1 order by size desc limit 1',
    [least],
  );
  const size = Number(kept!.size);
  const since = Date.now();
  // Everything above an earlier checkpoint goes, consistently: inside the database nothing is left to compare with.
  await lab.sql(`delete from ledger.entry where seq in (select seq from trail.leaf where index >= ${size})`);
  await lab.sql(`delete from trail.leaf where index >= ${size}`);
  await lab.sql(`delete from trail.checkpoint where size > ${size}`);
  await lab.sql(`delete from trail.node where (index + 1) * (2 ^ level) > ${size}`);
  const files = ['etc/ssh/sshd_config', 'etc/sysctl.conf', 'etc/login.defs'].filter((path) =>
    hasHostFile(lab, 'files', path),
  );
  const state = (): string[] => files.map((path) => sha256(readHostFile(lab, 'files', path)));
  const before = state();
  await agentsLook();
  await everyAgentAlarms(since);
  const ended = await rollOut(lab, change.id);
  assert.notEqual(ended.state, 'closed');
  assert.match(ended.why ?? '', /REFUSED_TRAIL_INCONSISTENT/);
  assert.deepEqual(outcomesOf(ended), []);
  assert.deepEqual(state(), before);
});
