import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evenly, sharedTraits, type Traits } from './likely-source.ts';

const host = (inGroup: boolean, image: string | null, lines: string[] = []): Traits => ({
  inGroup,
  kinds: new Set([...(image === null ? [] : ['image' as const]), 'setting' as const]),
  traits: [
    ...(image === null ? [] : [{ kind: 'image' as const, value: image }]),
    ...lines.map((value) => ({ kind: 'setting' as const, value })),
  ],
});
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

test('F.4: rekindled hosts that share an image are told with honest counts', () => {
  const hosts = [
    ...times(14, () => host(true, 'web-7', ['sshd port 22'])),
    host(true, 'old-1', ['sshd port 22']),
    ...times(300, (at) => host(false, at < 2 ? 'web-7' : `other-${at % 9}`, ['sshd port 22'])),
  ];
  const [first, ...more] = sharedTraits(hosts, 'rekindled');
  assert.equal(first!.text, '14 of 15 rekindled hosts were created from image web-7; 2 of 300 others');
  assert.ok(first!.lift > 100);
  assert.deepEqual(more, [], 'what everybody has explains nothing');
});

test('F.4: what is on just the same hosts is told once; few hosts and chance are not told', () => {
  const together = [
    ...times(5, () => host(true, 'a', ['sysctl x 1', 'sysctl y 2'])),
    ...times(20, () => host(false, 'b')),
  ];
  const found = sharedTraits(together, 'burning');
  assert.deepEqual(
    found.map(({ kind, alike }) => [kind, alike]),
    [['image', 2]],
  );
  assert.deepEqual(sharedTraits([host(true, 'a'), ...times(20, () => host(false, 'b'))], 'burning'), []);
  const half = [
    ...times(5, () => host(true, 'a')),
    ...times(5, () => host(true, 'b')),
    ...times(9, () => host(false, 'c')),
  ];
  assert.deepEqual(sharedTraits(half, 'burning'), []);
  assert.deepEqual(
    sharedTraits(
      times(6, () => host(true, 'a')),
      'burning',
    ),
    [],
    'without others there is nothing to compare',
  );
});

test('F.4: a host of which the image is not known counts neither way', () => {
  const hosts = [
    ...times(4, () => host(true, 'a')),
    ...times(6, () => host(true, null)),
    ...times(30, () => host(false, null)),
    host(false, 'b'),
    host(false, 'b'),
  ];
  const [first] = sharedTraits(hosts, 'rekindled');
  assert.deepEqual([first!.has, first!.of, first!.othersHave, first!.othersOf], [4, 4, 0, 2]);
});

test('a sample is even, and everything where that fits', () => {
  const all = times(1000, (at) => at);
  assert.deepEqual(evenly(all, 1000), all);
  const some = evenly(all, 100);
  assert.equal(new Set(some).size, 100);
  assert.ok(some.every((one, at) => Math.abs(one - at * 10) < 10));
});
