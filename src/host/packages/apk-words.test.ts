import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPinned, nameWithTag, parseApkChanges, parseApkNewer, worldEntry, worldWith } from './apk-words.ts';

test('what apk says that it would do, with tags, and what is no change', () => {
  const text = `fetch http://archive/main/x86_64/APKINDEX.tar.gz
(1/6) Upgrading busybox (1.36.1-r5 -> 1.36.1-r6)
(2/6) Downgrading libfoo2-1.0@edge (2.0_p1-r0 -> 1.0-r0)
(3/6) Installing so-new (0.1_git20240101-r0)
(4/6) Purging oldshop (1.0-r0)
(5/6) Replacing tool (1-r0 -> 1-r0)
(6/6) Updating pinning nginx@edge (1.26-r0)
OK: 12 MiB in 24 packages
`;
  assert.deepEqual(parseApkChanges(text), {
    changes: [
      { name: 'busybox', from: '1.36.1-r5', to: '1.36.1-r6' },
      { name: 'libfoo2-1.0', from: '2.0_p1-r0', to: '1.0-r0' },
      { name: 'so-new', from: null, to: '0.1_git20240101-r0' },
      { name: 'tool', from: '1-r0', to: '1-r0' },
    ],
    removed: ['oldshop'],
  });
});

test('what is newer: names with digits and dashes', () => {
  const text = `Installed:                                Available:
busybox-1.36.1-r5                       < 1.36.1-r6 
gtk-4-demo-4.12-r0                      < 4.14.0-r1 @edge
virtual-20261126.080000                 < 20261127.080000 
`;
  assert.deepEqual(
    [...parseApkNewer(text)],
    [
      ['busybox', '1.36.1-r6'],
      ['gtk-4-demo', '4.14.0-r1'],
      ['virtual', '20261127.080000'],
    ],
  );
});

test('its world: entries by name, with pins, tags and conflicts as they are', () => {
  const world = 'alpine-base\nnginx@edge\nshop=1.0-r0\nshop-data>2\n!sendmail\n';
  assert.deepEqual(
    ['nginx', 'shop', 'shop-data', 'sho'].map((name) => worldEntry(world, name)),
    ['nginx@edge', 'shop=1.0-r0', 'shop-data>2', null],
  );
  assert.equal(worldWith(world, 'shop', 'shop'), '!sendmail\nalpine-base\nnginx@edge\nshop\nshop-data>2\n');
  assert.equal(worldWith('a\nb\n', 'b', ''), 'a\n');
});

test('pins hold, with a tag or without; a tag stays with the name', () => {
  for (const [entry, tagged, pinned] of [
    ['shop', 'shop', false],
    ['shop@edge', 'shop@edge', false],
    ['shop=1.0-r0', 'shop', true],
    ['shop@edge=1.0-r0', 'shop@edge', true],
    ['shop@edge=~1.0', 'shop@edge', false],
    ['shop>1', 'shop', false],
  ] as const)
    assert.deepEqual([nameWithTag('shop', entry), isPinned(entry)], [tagged, pinned], entry);
  assert.deepEqual([nameWithTag('shop', null), isPinned(null)], ['shop', false]);
});
