import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Facts } from '../../model/facts.ts';
import type { StoredAgent } from './testing/clones.ts';
import { agents, explain } from './testing/clones.ts';
import { shop, world, type World } from './testing/world.ts';

let w: World;
let home: string;
const known: Map<string, StoredAgent> = new Map();
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'lastember-identities-'));
  w = await world({ agentless: agents(known) });
});
after(async () => {
  rmSync(home, { recursive: true, force: true });
  await w.close();
});

let count = 0;
/** A key pair as sshd makes one at its first start. */
function hostKey(): string {
  const path = join(home, `key-${(count += 1)}`);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  assert.ok(readFileSync(`${path}.pub`, 'utf8').startsWith('ssh-ed25519 '));
  return execFileSync('ssh-keygen', ['-lf', path], { encoding: 'utf8' }).split(' ')[1]!;
}

interface Machine {
  name: string;
  address: string;
  bootId: string;
  machineId: string | null;
  keys: string[];
}
const machine = (n: number, more: Partial<Machine>): Machine => ({
  name: `clone${n}`,
  address: `10.30.0.${n}`,
  bootId: `boot-${n}`,
  machineId: `machine-${n}`,
  keys: [],
  ...more,
});

function factsOf({ name, address, bootId, machineId, keys }: Machine): Partial<Facts> {
  const { os } = shop({ version: '1', pid: 1, startedAt: w.clock.now }, { address, port: 443, name });
  const sshHostKeys = keys.map((fingerprint, at) => ({
    path: `/etc/ssh/ssh_host_${at}_key.pub`,
    type: 'ssh-ed25519',
    fingerprint,
  }));
  return { os: { ...os!, bootId, machineId }, settings: { sshd: {}, sysctl: {}, users: [], sshHostKeys } };
}

/** Each has an address where a scan sees a key of its own, whatever lies on its disk. */
async function appears(one: Machine): Promise<string> {
  const id = await w.find(one.address, `SHA256:${one.address}`);
  await tells(id, one);
  return id;
}
async function tells(id: string, one: Machine): Promise<void> {
  w.later();
  await w.send(id, factsOf(one));
  await w.settle();
}
const burning = async (hostId: string, check: string): Promise<string[]> =>
  (await w.audit.findings({ hostId, kit: 'cloned-identities' }))
    .filter((one) => one.check === check && (one.state === 'open' || one.state === 'rekindled'))
    .map((one) => `${one.component}: ${(one.evidence['machines'] as string[]).join(', ')}`);

test('one SSH host key on two machines burns on both, and ends on both when one makes a key of its own', async () => {
  const key = hostKey();
  const [a, b] = [machine(1, { keys: [key] }), machine(2, { keys: [key, hostKey()] })];
  const one = await appears(a);
  assert.deepEqual(await burning(one, 'ssh-host-key'), [], 'alone it is its own');
  const two = await appears(b);
  assert.deepEqual(
    await burning(one, 'ssh-host-key'),
    [`${key}: clone2`],
    'told by the second, without news of the first',
  );
  assert.deepEqual(await burning(two, 'ssh-host-key'), [`${key}: clone1`]);

  await tells(two, { ...b, keys: [hostKey(), hostKey()] });
  assert.deepEqual([await burning(one, 'ssh-host-key'), await burning(two, 'ssh-host-key')], [[], []]);
  const states = (await w.audit.findings({ kit: 'cloned-identities' })).map(({ state }) => state);
  assert.deepEqual(states, ['fixed', 'fixed']);

  await tells(two, b);
  const again = (await w.audit.findings({ kit: 'cloned-identities' })).map(({ state }) => state);
  assert.deepEqual(again, ['rekindled', 'rekindled'], 'a restored copy brings it back');
  await tells(two, { ...b, keys: [] });
});

test('a third machine of the same machine-id changes nothing for the two, and the last one left is free', async () => {
  const ids = [];
  const clones = [3, 4, 5].map((n) => machine(n, { machineId: 'd41d8cd98f00b204e9800998ecf8427e' }));
  for (const clone of clones) ids.push(await appears(clone));
  for (const id of ids) assert.equal((await burning(id, 'machine-id')).length, 1);
  await tells(ids[0]!, { ...clones[0]!, machineId: 'first' });
  assert.deepEqual(await burning(ids[0]!, 'machine-id'), []);
  assert.equal((await burning(ids[2]!, 'machine-id')).length, 1, 'two still share it');
  await tells(ids[1]!, { ...clones[1]!, machineId: 'second' });
  assert.deepEqual(await burning(ids[2]!, 'machine-id'), []);
});

test('two records of one boot and name may be one machine: nothing burns, and nothing is cleared', async () => {
  const twice = machine(6, { keys: [hostKey()] });
  const first = await appears(twice);
  const second = await appears({ ...twice, address: '10.30.0.7', name: twice.name });
  assert.notEqual(first, second);
  for (const id of [first, second]) assert.deepEqual(await burning(id, 'ssh-host-key'), []);
  const { verdicts } = await explain(w, second);
  assert.equal(verdicts.get('cloned-identities/ssh-host-key'), 'unknown');
});

test('machines that come to share a key at the same time do not miss each other', async () => {
  const key = hostKey();
  const both = [machine(8, { keys: [key] }), machine(9, { keys: [key] })];
  const ids = [];
  for (const one of both) ids.push(await w.find(one.address, `SHA256:${one.address}`));
  w.later();
  for (const [at, one] of both.entries()) await w.send(ids[at]!, factsOf(one));
  await Promise.all(ids.map((id) => w.audit.auditHost(id)));
  await w.settle();
  for (const id of ids) assert.equal((await burning(id, 'ssh-host-key')).length, 1);
});

test('a record that was merged into another is no other machine: what they shared burns no more', async () => {
  const key = hostKey();
  const was = machine(12, { keys: [key] });
  const [from, into] = [await appears(was), await appears(machine(13, { keys: [key] }))];
  assert.equal((await burning(into, 'ssh-host-key')).length, 1);
  const entry = { type: 'discovery.host.merged', subject: { kind: 'host' as const, id: into } };
  await w.platform.act(systemActor('test'), entry, async (tx) => {
    await sql`update discovery.host set superseded_by = ${into} where id = ${from}`.execute(tx.db);
    await tx.enqueue('audit.host', { hostId: into });
  });
  await w.settle();
  assert.deepEqual(await burning(into, 'ssh-host-key'), []);
  const { rows } = await sql`select from audit.identity where host_id = ${from}`.execute(w.platform.db);
  assert.equal(rows.length, 0);
});

test('an agent that two machines were burns until the host has another one', async () => {
  const id = await appears(machine(10, {}));
  known.set('agent_twin', { doubled: true, problem: 'two machines use its identity: 192.0.2.1 and 192.0.2.2' });
  known.set('agent_new', { doubled: false, problem: null });
  const has = (agentId: string) => sql`update discovery.host set agent_id = ${agentId} where id = ${id}`;
  await w.platform.observe({ kind: 'system', id: 'test', name: 'test' }, async (tx) => {
    await tx.record({ type: 'discovery.host.changed', subject: { kind: 'host', id }, detail: {} });
    await has('agent_twin').execute(tx.db);
  });
  await w.audit.auditHost(id);
  assert.deepEqual(await burning(id, 'agent-identity'), [`agent_twin: ${known.get('agent_twin')!.problem}`]);
  await w.platform.observe({ kind: 'system', id: 'test', name: 'test' }, async (tx) => {
    await tx.record({ type: 'discovery.host.changed', subject: { kind: 'host', id }, detail: {} });
    await has('agent_new').execute(tx.db);
  });
  await w.audit.auditHost(id);
  assert.deepEqual(await burning(id, 'agent-identity'), []);
});

test('a thousand machines of one image: a judgement looks at a few of them, and one that leaves wakes nobody', async () => {
  const key = hostKey();
  await sql`insert into audit.identity (host_id, kind, value, boot_id, hostname)
    select 'host_image_' || n, 'ssh-host-key', ${key}, 'boot-i' || n, 'i' || n from generate_series(1, 1000) n`.execute(
    w.platform.db,
  );
  const id = await appears(machine(11, { keys: [key] }));
  const [told] = await burning(id, 'ssh-host-key');
  assert.equal(told!.split(', ').length, 6);
  const { rows } = await sql<{ line: string }>`explain (analyze, format text, costs off) select i.host_id
    from audit.identity i where i.kind = 'ssh-host-key' and i.value = ${key} and i.host_id <> ${id}
    order by i.host_id limit 6`
    .execute(w.platform.db)
    .then((r) => ({
      rows: (r.rows as Record<string, string>[]).map((row) => ({ line: Object.values(row)[0]! })),
    }));
  const scan = rows.find(({ line }) => line.includes('Scan'))!.line;
  assert.ok(Number(/rows=([\d.]+)/.exec(scan)?.[1]) <= 7, scan);
});
