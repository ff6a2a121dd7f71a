import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FindingNow } from '../../model/finding.ts';
import type { LikelySource } from '../../model/likely-source.ts';
import { shop, type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

async function report(w: World, id: string, name: string, root: 'yes' | 'no', image: string): Promise<void> {
  const at = { address: '10.1.0.10', port: 8443, name };
  const startedAt = new Date('2026-11-20T09:00:00.000Z');
  const facts = shop({ version: '0.10.48-1', pid: 4711, startedAt, machineId: name, image }, at);
  const sshd = { permitrootlogin: root, passwordauthentication: 'no' };
  await w.send(id, { ...facts, settings: { sshd, sysctl: {}, users: [] } });
}

test('F.4: hosts where a finding came back are compared with those where it did not', async () => {
  const w = await world();
  open.push(w);
  const ids: string[] = [];
  for (let n = 0; n < 8; n += 1) ids.push(await w.find(`10.1.0.${n + 1}`, `SHA256:${n}`));
  const all = async (root: (n: number) => 'yes' | 'no', image: (n: number) => string): Promise<void> => {
    w.later();
    for (const [n, id] of ids.entries()) await report(w, id, `web-${n}`, root(n), image(n));
    await w.settle();
  };
  const source = (): Promise<LikelySource> =>
    w.call('getLikelySource', { query: { kit: 'linux-baseline', check: 'sshd-root-login' } });
  await all(
    (n) => (n < 4 ? 'yes' : 'no'),
    () => 'base-1',
  );
  const before = await source();
  assert.deepEqual([before.group, before.hosts, before.others], ['burning', 4, 4]);
  assert.deepEqual(
    before.items.map(({ kind, value }) => [kind, value]),
    [['setting', 'sshd permitrootlogin yes']],
  );

  await all(
    () => 'no',
    () => 'base-1',
  );
  await all(
    (n) => (n < 3 ? 'yes' : 'no'),
    (n) => (n < 3 ? 'base-2' : 'base-1'),
  );
  const { group, hosts, items } = await source();
  assert.deepEqual([group, hosts], ['rekindled', 3]);
  const { items: again } = await w.call<{ items: FindingNow[] }>('listFindings', {
    query: { check: 'sshd-root-login', state: ['rekindled'] },
  });
  assert.deepEqual(
    again.map(({ rekindleCause }) => rekindleCause),
    Array(3).fill('the host runs image base-2 now (before: base-1); PermitRootLogin was no and is yes'),
  );
  assert.equal(items[0]!.text, '3 of 3 rekindled hosts were created from image base-2; 0 of 5 others');
});
