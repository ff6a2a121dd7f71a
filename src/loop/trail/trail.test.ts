import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { systemActor } from '../../model/actor.ts';
import type { RawReply, Route } from '../../platform/http/route.ts';
import { testPlatform, type TestOptions, type TestPlatform } from '../../platform/testing.ts';
import { exportLines, exportText } from './export.ts';
import { createTrail, type Trail } from './index.ts';
import { splitCheckpoints, splitLines, verifyTrail } from './verify/index.ts';
import { parseCheckpoint, parseVerifierKey, signedBy } from './verify/note.ts';
import { verifyConsistency, verifyInclusion } from './verify/proof.ts';
import { memoryFile } from './witness.ts';

const open: TestPlatform[] = [];
after(() => Promise.all(open.map((platform) => platform.close())));

async function start(options: TestOptions = {}): Promise<{ platform: TestPlatform; trail: Trail }> {
  const platform = await testPlatform(options);
  open.push(platform);
  return { platform, trail: createTrail(platform) };
}

const write = (platform: TestPlatform, n: number, id = 'host_1'): Promise<void> =>
  platform.act(
    systemActor('test'),
    { type: 'discovery.host.found', subject: { kind: 'host', id, name: `h${n}` }, detail: { n } },
    async () => undefined,
  );
const sequence = (trail: Trail): Promise<void> => trail.jobs['trail.sequence']!({});

/** Calls a route as the HTTP layer does: parsed input, parsed reply. */
async function call<T>(
  routes: Route[],
  id: string,
  input: { params?: object; query?: object; body?: object; agent?: object } = {},
): Promise<T> {
  const found = routes.find((route) => route.id === id)!;
  const reply = await found.handler({
    params: found.params?.parse(input.params ?? {}),
    query: found.query?.parse(input.query ?? {}),
    body: found.body?.parse(input.body ?? {}),
    actor: { kind: 'user', id: 'u', name: 'u', role: 'viewer' },
    agent: (input.agent as never) ?? null,
    ip: '127.0.0.1',
    signal: new AbortController().signal,
  });
  return (found.reply ? found.reply.parse(reply) : reply) as T;
}

/** What somebody with the database's superuser can do: everything, triggers or not. */
async function asAdmin(platform: TestPlatform, ...statements: string[]): Promise<void> {
  const client = new pg.Client(platform.urls.root);
  await client.connect();
  try {
    await client.query("set session_replication_role = 'replica'");
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function exportOf(platform: TestPlatform): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportLines(platform)) lines.push(line);
  return lines;
}

interface Verdict {
  verified: boolean;
  problems: string[];
  size: number;
}
const live = (trail: Trail): Promise<Verdict> => call(trail.routes, 'verifyTrail');

test('entries get gap-free indexes in commit order, and a signed checkpoint that verifies offline', async () => {
  const { platform, trail } = await start();
  for (let n = 0; n < 7; n++) {
    await write(platform, n);
    if (n % 3 === 0) await sequence(trail);
  }
  await sequence(trail);
  const verdict = await verifyTrail(await exportOf(platform), { key: await trail.verifierKey() });
  assert.deepEqual(verdict.problems, []);
  // Seven entries and the one about the making of the key.
  assert.equal(verdict.size, 8);
  const { items, total } = await call<{ items: { index: number; entry: { detail: { n: number } } }[]; total: number }>(
    trail.routes,
    'listTrail',
    { query: { subject: 'host_1', limit: '3' } },
  );
  assert.equal(total, 7);
  assert.deepEqual(
    items.map((item) => item.entry.detail.n),
    [6, 5, 4],
  );
  assert.equal((await live(trail)).verified, true);
});

test('an export holds what was done before it was asked for, and what there is where nobody goes on', async () => {
  const { platform, trail } = await start();
  await sequence(trail);
  await write(platform, 1, 'host_late');
  const text = async (patienceMs?: number): Promise<string> => {
    let whole = '';
    for await (const chunk of exportText(platform, patienceMs)) whole += chunk;
    return whole;
  };
  assert.doesNotMatch(await text(100), /host_late/, 'nobody sequences, and it ends');
  const exported = text();
  await sleep(100);
  await sequence(trail);
  assert.match(await exported, /host_late/);
});

test('an entry of a transaction still in flight is neither waited for nor skipped', async () => {
  const { platform, trail } = await start();
  await sequence(trail);
  const holding = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const slow = platform.observe(systemActor('slow'), async (tx) => {
    await tx.record({ type: 'test.slow.entry', subject: { kind: 'system', id: 'slow' } });
    started.resolve();
    await holding.promise;
  });
  await started.promise;
  await write(platform, 1);
  await sequence(trail);
  const before = await trail.checkpoint();
  const types = async (): Promise<string[]> =>
    (await call<{ items: { entry: { type: string } }[] }>(trail.routes, 'listTrail')).items.map((i) => i.entry.type);
  assert.ok((await types()).includes('discovery.host.found'));
  assert.ok(!(await types()).includes('test.slow.entry'));
  holding.resolve();
  await slow;
  await sequence(trail);
  assert.equal((await trail.checkpoint())!.size, before!.size + 1);
  assert.equal((await types())[0], 'test.slow.entry');
  assert.equal((await live(trail)).verified, true);
});

test('many writers and several sequencers at once: one tree, nothing twice, nothing lost', async () => {
  const { platform, trail } = await start();
  const other = createTrail(platform);
  const writing = Promise.all(Array.from({ length: 40 }, (_, n) => write(platform, n)));
  await Promise.all([sequence(trail), sequence(other), writing, sequence(trail)]);
  await Promise.all([sequence(trail), sequence(other)]);
  const verdict = await live(trail);
  assert.deepEqual(verdict.problems, []);
  assert.equal(verdict.size, 41);
});

test('6.6: inclusion and consistency proofs of the API verify against signed checkpoints', async () => {
  const { platform, trail } = await start();
  for (let n = 0; n < 5; n++) await write(platform, n);
  await sequence(trail);
  const first = await trail.checkpoint();
  for (let n = 5; n < 12; n++) await write(platform, n);
  await sequence(trail);
  const last = await trail.checkpoint();
  const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
  for (let index = 0; index < last!.size; index++) {
    const proof = await call<{ index: number; size: number; leafHash: string; path: string[] }>(
      trail.routes,
      'getInclusionProof',
      { query: { index: String(index) } },
    );
    assert.ok(verifyInclusion({ ...proof, path: proof.path.map(bytes) }, bytes(proof.leafHash), bytes(last!.root)));
  }
  const consistency = await call<{ from: number; to: number; path: string[] }>(trail.routes, 'getConsistencyProof', {
    query: { from: String(first!.size) },
  });
  assert.ok(
    verifyConsistency({ ...consistency, path: consistency.path.map(bytes) }, bytes(first!.root), bytes(last!.root)),
  );
  await assert.rejects(call(trail.routes, 'getInclusionProof', { query: { index: '12', size: '99' } }), {
    code: 'TRAIL_SIZE',
  });
  const agent = await call<{ checkpoint: string; consistency: string[] }>(trail.agentRoutes, 'agentCheckpoint', {
    query: { size: String(first!.size) },
  });
  assert.deepEqual(agent, { checkpoint: last!.text, consistency: consistency.path });
});

test('6.5: rows altered or removed by a database administrator are named by the live check', async () => {
  const { platform, trail } = await start();
  for (let n = 0; n < 6; n++) await write(platform, n);
  await sequence(trail);
  assert.equal((await live(trail)).verified, true);
  await asAdmin(
    platform,
    `update ledger.entry set bytes = replace(convert_from(bytes, 'UTF8'), '"n":2}', '"n":9}')::bytea where convert_from(bytes, 'UTF8') like '%"n":2}%'`,
  );
  const altered = await live(trail);
  assert.equal(altered.problems.length, 1);
  assert.match(altered.problems[0]!, /^entry 2 \(discovery\.host\.found, entry_.*was altered/);
  await asAdmin(platform, `delete from ledger.entry where convert_from(bytes, 'UTF8') like '%"n":4}%'`);
  assert.match((await live(trail)).problems.join('\n'), /entry 4 was removed/);
});

test('the application’s own database role cannot alter entries, leaves, nodes or checkpoints', async () => {
  const { platform, trail } = await start();
  await write(platform, 1);
  await sequence(trail);
  const client = new pg.Client(platform.urls.app);
  await client.connect();
  try {
    for (const statement of [
      "update ledger.entry set type = 'x.y'",
      'delete from ledger.entry',
      'update trail.leaf set seq = 99',
      'delete from trail.node',
      "update trail.checkpoint set text = ''",
      'truncate trail.checkpoint',
      'alter table trail.checkpoint disable trigger all',
    ]) {
      await assert.rejects(client.query(statement), /permission denied|only grows|must be owner/, statement);
    }
  } finally {
    await client.end();
  }
});

test('6.7: a truncated trail is noticed, and is not continued', async () => {
  const { platform, trail } = await start();
  for (let n = 0; n < 3; n++) await write(platform, n);
  await sequence(trail);
  const kept = (await trail.checkpoint())!.size;
  for (let n = 3; n < 6; n++) await write(platform, n);
  await sequence(trail);
  // Everything above the earlier checkpoint goes, consistently: inside the database nothing is left to compare with.
  await asAdmin(
    platform,
    `delete from ledger.entry where seq in (select seq from trail.leaf where index >= ${kept})`,
    `delete from trail.leaf where index >= ${kept}`,
    `delete from trail.checkpoint where size > ${kept}`,
    `delete from trail.node where (index + 1) * (2 ^ level) > ${kept}`,
  );
  const verdict = await live(trail);
  assert.equal(verdict.problems.length, 1);
  assert.match(verdict.problems[0]!, /truncated: a checkpoint of size 7 is remembered, entries 4 to 6 are missing/);
  await write(platform, 77);
  await assert.rejects(sequence(trail), { code: 'TRAIL_TRUNCATED' });
  rmSync(memoryFile(platform));
  await sequence(trail);
  assert.equal((await trail.checkpoint())!.size, kept + 1);
});

test('6.7: a rewritten tree is never signed on top of, and the witness file says what was there', async () => {
  const { platform, trail } = await start();
  platform.config.checkpointFile = join(platform.config.dataDir, 'witness.txt');
  for (let n = 0; n < 4; n++) {
    await write(platform, n);
    await sequence(trail);
  }
  const witnessed = splitCheckpoints(readFileSync(platform.config.checkpointFile, 'utf8'));
  assert.deepEqual(
    witnessed.map((text) => parseCheckpoint(text)!.size),
    [2, 3, 4, 5],
  );
  // Rewritten with the nodes made to fit; only the signature cannot be made.
  await asAdmin(platform, `update trail.node set hash = sha256(hash) where level = 2 and index = 0`);
  assert.match((await live(trail)).problems.join('\n'), /nodes do not lead to the signed root/);
  await write(platform, 9);
  await assert.rejects(sequence(trail), { code: 'TRAIL_REWRITTEN' });
  // A server that was replaced as a whole, key and all, contradicts the witness.
  const fresh = await start();
  for (let n = 0; n < 6; n++) await write(fresh.platform, n);
  await sequence(fresh.trail);
  const verdict = await verifyTrail(await exportOf(fresh.platform), {
    key: await trail.verifierKey(),
    remembered: witnessed,
  });
  assert.match(verdict.problems.join('\n'), /another key than the pinned one/);
});

test('an entry that was kept from the sequencer is reported', async () => {
  const { platform, trail } = await start();
  await write(platform, 1);
  await sequence(trail);
  await write(platform, 2);
  await asAdmin(platform, 'delete from ledger.unsequenced');
  assert.match((await live(trail)).problems.join('\n'), /entry entry_.* was committed but kept from the tree/);
});

test('follow: an entry has its place soon after the commit, and stopping is clean', async () => {
  const { platform, trail } = await start();
  const stop = trail.follow();
  await write(platform, 1);
  for (let tries = 0; (await trail.checkpoint())?.size !== 2 && tries < 100; tries++) await sleep(50);
  assert.equal((await trail.checkpoint())?.size, 2);
  await stop();
  assert.ok(existsSync(memoryFile(platform)));
});

test('export over HTTP is the file the verifier reads; checkpoint, key and entry routes agree with it', async () => {
  const { platform, trail } = await start();
  for (let n = 0; n < 3; n++) await write(platform, n);
  await assert.rejects(call(trail.routes, 'getTrailCheckpoint'), { code: 'TRAIL_EMPTY' });
  await sequence(trail);
  const reply = await call<RawReply>(trail.routes, 'exportTrail');
  const { verifierKey } = await call<{ verifierKey: string }>(trail.routes, 'getTrailKey');
  const verdict = await verifyTrail(splitLines(reply.body as AsyncIterable<string>), { key: verifierKey });
  assert.equal(verdict.verified, true);
  const checkpoint = await call<{ text: string; root: string }>(trail.routes, 'getTrailCheckpoint');
  assert.equal(checkpoint.root, verdict.root);
  assert.equal((await call<RawReply>(trail.routes, 'getTrailCheckpointText')).body, checkpoint.text);
  const entry = await call<{ text: string; index: number }>(trail.routes, 'getTrailEntry', { params: { index: '1' } });
  assert.equal(JSON.parse(entry.text).type, 'discovery.host.found');
  await assert.rejects(call(trail.routes, 'getTrailEntry', { params: { index: '50' } }), { code: 'NOT_FOUND' });
});

test('M.8: an agent’s alarm is on the trail once, with both roots', async () => {
  const { trail } = await start();
  const root = (c: string): string => c.repeat(64);
  const alarm = {
    kind: 'inconsistent-trail',
    seen: { size: 9, root: root('a') },
    offered: { size: 7, root: root('b') },
    why: 'the history is shorter than before',
  };
  const agent = { agentId: 'agent_1', hostId: 'host_1' };
  await call(trail.agentRoutes, 'agentAlarm', { body: alarm, agent });
  await call(trail.agentRoutes, 'agentAlarm', { body: alarm, agent });
  const { items } = await call<{ items: object[] }>(trail.routes, 'listTrailAlarms');
  assert.equal(items.length, 1);
  assert.partialDeepStrictEqual(items[0], { agentId: 'agent_1', seen: alarm.seen, offered: alarm.offered });
  await sequence(trail);
  const about = await call<{ total: number }>(trail.routes, 'listTrail', { query: { host: 'host_1' } });
  assert.equal(about.total, 1);
});

test('M.8: an agent that saw the history before it was rewritten, truncated or emptied is given nothing that fits', async () => {
  const { platform, trail } = await start();
  for (let n = 0; n < 5; n++) await write(platform, n);
  await sequence(trail);
  const seen = parseCheckpoint((await trail.checkpoint())!.text)!;
  for (let n = 5; n < 9; n++) await write(platform, n);
  await sequence(trail);
  const fits = async (): Promise<boolean> => {
    const offered = await call<{ checkpoint: string; consistency: string[] }>(trail.agentRoutes, 'agentCheckpoint', {
      query: { size: String(seen.size) },
    });
    const checkpoint = parseCheckpoint(offered.checkpoint)!;
    assert.ok(signedBy(checkpoint, parseVerifierKey(await trail.verifierKey())!));
    const path = offered.consistency.map((hash) => Buffer.from(hash, 'hex'));
    return verifyConsistency({ from: seen.size, to: checkpoint.size, path }, seen.root, checkpoint.root);
  };
  assert.equal(await fits(), true);
  await asAdmin(platform, 'update trail.node set hash = sha256(hash) where level = 0 and index = 1');
  assert.equal(await fits(), true, 'a node that no proof needs changes nothing');
  await asAdmin(platform, 'update trail.node set hash = sha256(hash) where level = 2 and index = 0');
  assert.equal(await fits(), false, 'rewritten');
  await asAdmin(platform, 'delete from trail.node where level = 2 and index = 0');
  assert.equal(await fits(), false, 'nodes gone');
  await asAdmin(platform, 'delete from trail.checkpoint');
  assert.equal(await fits(), false, 'emptied');
});
