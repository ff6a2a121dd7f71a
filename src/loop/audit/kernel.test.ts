import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Affected, Finding } from '../../model/finding.ts';
import { FIXED, hostWith, OLD, TEST_KITS } from './testing/kernel.ts';
import { type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));
async function begin(): Promise<{ w: World; hostId: string }> {
  const w = await world({ kitsDir: TEST_KITS });
  open.push(w);
  return { w, hostId: await w.find('10.1.0.10', 'SHA256:first') };
}
type Host = ReturnType<typeof hostWith>;
async function tell(w: World, hostId: string, facts: Host): Promise<Finding[]> {
  w.later();
  await w.send(hostId, facts);
  await w.settle();
  return w.audit.findings({ kit: 'kernel' });
}
const R17 = '6.1.0-17-amd64';
const R18 = '6.1.0-18-amd64';
const short = (found: Finding[]): unknown[] =>
  found.map(({ component, state, pending }) => [component, state, pending]);

test('M.1, 3.4: a finding about the kernel stays open until the running kernel is the fixed one', async () => {
  const { w, hostId } = await begin();
  assert.deepEqual(short(await tell(w, hostId, hostWith(R17, '6.1.69-1', [OLD]))), [['linux', 'open', null]]);
  const reboot = 'runs 6.1.69-1, the fixed 6.1.76-1 is installed: reboot';
  const upgraded = await tell(w, hostId, hostWith(R17, '6.1.69-1', [OLD, FIXED]));
  assert.deepEqual(short(upgraded), [['linux', 'open', reboot]]);
  assert.deepEqual(upgraded[0]!.advisories, ['CVE-2024-1086']);
  const { hosts } = await w.call<Affected>('getAffected', {
    query: { q: 'pkg:deb/debian/linux-image-6.1.0-17-amd64' },
  });
  assert.deepEqual(
    hosts.map(({ state, why }) => [state, why]),
    [['open', reboot]],
  );
  // Judged again by timer, nothing changes and nothing is told.
  const before = (await w.entries('')).length;
  await w.audit.jobs['audit.sweep']!({});
  await w.settle();
  assert.deepEqual(
    [short(await w.audit.findings()), (await w.entries('')).length],
    [[['linux', 'open', reboot]], before],
  );

  // An agent that cannot tell the version proves nothing, one that does not say it neither.
  const blind = await tell(w, hostId, hostWith(R18, null, [OLD, FIXED]));
  assert.equal(blind[0]!.state, 'open');
  assert.match(blind[0]!.pending!, /but the version of the running kernel cannot be told$/);
  const { kernelVersion: _, ...old } = hostWith(R18, null, []).os!;
  const silent = await tell(w, hostId, { os: { ...old, bootId: 'b' } as Host['os'], packages: [OLD, FIXED] } as Host);
  assert.equal(silent[0]!.state, 'open');
  assert.equal((await w.audit.facts(hostId)).sections.os?.kernelVersion, null, 'the facts were taken');

  // Rebooted: the old image stays installed.
  const closed = await tell(w, hostId, hostWith(R18, '6.1.76-1', [OLD, FIXED]));
  assert.deepEqual(short(closed), [['linux', 'fixed', null]]);
  assert.equal(closed[0]!.evidence['kernel'], '6.1.76-1', 'what is shown of it is the proof');
});

test('M.1, 3.4: a host that booted the old kernel again rekindles, and says which kernel ran', async () => {
  const { w, hostId } = await begin();
  await tell(w, hostId, hostWith(R17, '6.1.69-1', [OLD, FIXED]));
  await tell(w, hostId, hostWith(R18, '6.1.76-1', [OLD, FIXED]));
  const [again] = await tell(w, hostId, hostWith(R17, '6.1.69-1', [OLD, FIXED]));
  assert.equal(again?.state, 'rekindled');
  assert.equal(again.rekindleCause, 'the running kernel was 6.1.76-1 and is 6.1.69-1');
});

test('M.1, 3.4: a fixed kernel on disk with the old one running is open when it is first seen', async () => {
  const { w, hostId } = await begin();
  const [found] = await tell(w, hostId, hostWith(R17, '6.1.69-1', [OLD, FIXED]));
  assert.deepEqual([found?.state, found?.pending], ['open', 'runs 6.1.69-1, the fixed 6.1.76-1 is installed: reboot']);
});
