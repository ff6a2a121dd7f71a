import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { snapOf } from '../snaps/processes.ts';
import { parseState } from '../snaps/state.ts';
import { wordOf } from '../snaps/words.ts';
import { data, failure, tree } from './testing.ts';

const FIREFOX = '3wdHCAVyZEmYsCMFDE9qt92UV8rC8Wdk';

/** As snapd writes it: `SnapState` and `SideInfo` of its own source. */
const state = (snaps: object): string =>
  JSON.stringify({
    data: { auth: { device: { brand: 'generic' } }, snaps },
    changes: {},
    tasks: {},
    'last-task-id': 9,
  });

const FIREFOX_STATE = {
  type: 'app',
  sequence: [
    { name: 'firefox', 'snap-id': FIREFOX, revision: '5273' },
    { name: 'firefox', 'snap-id': FIREFOX, revision: '5437' },
  ],
  active: true,
  current: '5437',
  channel: 'latest/stable/ubuntu-24.04',
};

/** Signed headers, a blank line, the signature. */
const assertion = (headers: Record<string, string>): string =>
  `${Object.entries(headers)
    .map(([key, value]) => `${key}: ${value}`)
    .join('\n')}\n\nAcLBUgQAAQoABgUCXnH0RQAA\n`;

const yaml = (words: Record<string, unknown>): string => stringify(words);

const firefox = (): Record<string, string> => ({
  'var/lib/snapd/snaps/firefox_5437.snap': 'hsqs',
  'var/lib/snapd/snaps/firefox_5273.snap': 'hsqs',
  'snap/firefox/current': '-> 5437',
  'snap/firefox/5437/meta/snap.yaml': yaml({
    name: 'firefox',
    version: '133.0-1',
    summary: 'Mozilla Firefox web browser',
    description: 'Firefox\nversion: 1.0\n',
    base: 'core22',
    confinement: 'strict',
    apps: { firefox: { command: 'firefox.launcher' } },
  }),
});

const asserted = {
  [`var/lib/snapd/assertions/asserts-v0/snap-declaration/16/${FIREFOX}/active`]: assertion({
    type: 'snap-declaration',
    revision: '2',
    'publisher-id': 'earlier',
  }),
  [`var/lib/snapd/assertions/asserts-v0/snap-declaration/16/${FIREFOX}/active.4`]: assertion({
    type: 'snap-declaration',
    revision: '12',
    'publisher-id': 'OgeoZuqQpVvSr9eGKJzNCrFGSaKXpkey',
  }),
  'var/lib/snapd/assertions/asserts-v0/account/OgeoZuqQpVvSr9eGKJzNCrFGSaKXpkey/active': assertion({
    type: 'account',
    'display-name': 'Mozilla',
    username: 'mozilla',
  }),
};

/** One process of a tree, as its kernel would tell of it. */
const running = (pid: number, exe: string, cgroup: string, namespace = 'mnt:[1]'): Record<string, string> => ({
  [`proc/${pid}/stat`]: `${pid} (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0`,
  [`proc/${pid}/status`]: `Name:\tx\nPid:\t${pid}\nPPid:\t1\nUid:\t0\t0\t0\t0\n`,
  [`proc/${pid}/cmdline`]: `${exe}\0`,
  [`proc/${pid}/exe`]: `-> ${exe}`,
  [`proc/${pid}/cgroup`]: `0::/${cgroup}\n`,
  [`proc/${pid}/ns/mnt`]: `-> ${namespace}`,
});

test('3.2: snaps with version, revision, channel, publisher, base and who runs them; an earlier revision that still runs is told', async () => {
  const root = tree({
    ...firefox(),
    ...asserted,
    'var/lib/snapd/state.json': state({
      firefox: FIREFOX_STATE,
      node: { type: 'app', sequence: [{ name: 'node', revision: 'x1' }], active: true, current: 'x1', classic: true },
      off: { type: 'app', sequence: [{ name: 'off', revision: 7 }], current: 7, channel: 'edge', devmode: true },
    }),
    'var/lib/snapd/snap/node/x1/meta/snap.yaml': 'name: node\nversion: "22.11.0"\nconfinement: classic\n',
    ...running(1, '/sbin/init', 'init.scope'),
    ...running(50, '/snap/firefox/5273/usr/lib/firefox/firefox', 'system.slice/snap.firefox.old.service', 'mnt:[2]'),
    ...running(51, '/usr/bin/bash', 'system.slice/snap.firefox.new.service', 'mnt:[2]'),
    ...running(52, '/var/lib/snapd/snap/node/x1/bin/node', 'user.slice'),
  });
  const { snaps, unread } = await data(root, 'snaps');
  assert.deepEqual(unread, []);
  assert.deepEqual(snaps, [
    {
      name: 'firefox',
      snap: 'firefox',
      version: '133.0-1',
      revision: '5437',
      channel: 'latest/stable/ubuntu-24.04',
      publisher: 'mozilla',
      base: 'core22',
      type: 'app',
      confinement: 'strict',
      active: true,
      usedBy: ['snap.firefox.new.service', 'snap.firefox.old.service'],
      stale: ['snap.firefox.old.service'],
    },
    {
      name: 'node',
      snap: 'node',
      version: '22.11.0',
      revision: 'x1',
      channel: null,
      publisher: null,
      base: null,
      type: 'app',
      confinement: 'classic',
      active: true,
      usedBy: ['/var/lib/snapd/snap/node/x1/bin/node'],
      stale: [],
    },
    {
      name: 'off',
      snap: 'off',
      version: null,
      revision: '7',
      channel: 'edge',
      publisher: null,
      base: null,
      type: 'app',
      confinement: 'devmode',
      active: false,
      usedBy: [],
      stale: [],
    },
  ]);
});

test('3.2: what runs in a snap is credited to no package of the distribution, though its base has files of the same names', async () => {
  const root = tree({
    ...firefox(),
    'etc/os-release': 'ID=ubuntu\nVERSION_ID="24.04"\n',
    'var/lib/dpkg/status':
      'Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.21-2ubuntu4\n\n',
    'var/lib/dpkg/info/bash.list': '/.\n/usr\n/usr/bin\n/usr/bin/bash\n',
    'usr/bin/bash': 'elf',
    ...running(1, '/sbin/init', 'init.scope'),
    ...running(51, '/usr/bin/bash', 'system.slice/snap.firefox.new.service', 'mnt:[2]'),
    ...running(52, '/usr/bin/bash', 'system.slice/own.service'),
    ...running(53, '/snap/firefox/5437/usr/bin/bash', 'system.slice/other.service'),
  });
  const used = new Map((await data(root, 'processes')).map((one) => [one.pid, one.packages]));
  assert.deepEqual([used.get(51), used.get(52), used.get(53)], [[], ['bash'], []]);
  const { snaps } = await data(root, 'snaps');
  assert.deepEqual(snaps[0]?.usedBy, ['/snap/firefox/5437/usr/bin/bash', 'snap.firefox.new.service']);
});

test('snaps: without snapd there are none, and where it was only installed neither', async () => {
  const none = { snaps: [], unread: [] };
  assert.deepEqual(await data(tree(), 'snaps'), none);
  assert.deepEqual(await data(tree({ 'var/lib/snapd/snaps/partial/x': '' }), 'snaps'), none);
  assert.deepEqual(
    await data(tree({ 'var/lib/snapd/snaps/partial/x': '', 'var/lib/snapd/state.json': state({}) }), 'snaps'),
    none,
  );
});

test('snaps: notes of snapd that are broken are an error of the section, and of no other', async () => {
  for (const text of ['{', '[]', state({ '../x': FIREFOX_STATE }), state({ a: { current: '5/../..' } })]) {
    const root = tree({ ...firefox(), 'var/lib/snapd/state.json': text });
    assert.match(await failure(root, 'snaps'), /state\.json was refused: these are no notes of snapd/);
    assert.equal(await failure(root, 'neighbours'), '');
  }
});

test('snaps: without the notes the links tell less, and what could not be read is named', async () => {
  const root = tree({ ...firefox(), 'var/lib/snapd/snaps/lxd_31333.snap': 'hsqs' });
  const { snaps, unread } = await data(root, 'snaps');
  assert.deepEqual(
    snaps.map(({ name, version, revision, channel, confinement }) => [name, version, revision, channel, confinement]),
    [['firefox', '133.0-1', '5437', null, 'strict']],
  );
  assert.deepEqual(
    unread.map(({ path }) => path),
    ['/snap/lxd/current'],
  );
});

test('snaps: a file of a snap that is no such file leaves its version unknown, and the others are told', async () => {
  const lxd = { ...FIREFOX_STATE, current: '31333', sequence: [] };
  const root = tree({
    ...firefox(),
    'var/lib/snapd/state.json': state({ firefox: FIREFOX_STATE, lxd }),
    'snap/lxd/31333/meta/snap.yaml': '\0\0\0',
  });
  const { snaps, unread } = await data(root, 'snaps');
  assert.deepEqual(
    snaps.map(({ name, version, publisher }) => [name, version, publisher]),
    [
      ['firefox', '133.0-1', null],
      ['lxd', null, null],
    ],
  );
  assert.deepEqual(unread, [{ path: '/snap/lxd/31333/meta/snap.yaml', why: 'it names no version' }]);
});

test('snaps: notes that cannot be read, or are too large, are named, and the links are asked', async () => {
  const unreadable = tree({ ...firefox(), 'var/lib/snapd/state.json/x': '' });
  const large = tree({ ...firefox(), 'var/lib/snapd/state.json': state({ firefox: FIREFOX_STATE }) });
  truncateSync(join(large, 'var/lib/snapd/state.json'), 17 * 1024 * 1024);
  for (const [root, why] of [
    [unreadable, /could not be read/],
    [large, /larger than 16 MB/],
  ] as const) {
    const { snaps, unread } = await data(root, 'snaps');
    assert.deepEqual([snaps.length, snaps[0]?.version, unread.length], [1, '133.0-1', 1]);
    assert.match(unread[0]!.why, why);
  }
});

test('snaps: the words of a snap.yaml are those that a YAML reader finds', () => {
  const word = fc.string({ unit: fc.constantFrom(...'aZ09.-+~ #:\'"\\_'), minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(word, word, fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE'), (version, other, type) => {
      fc.pre(version.trim() === version);
      const text = stringify(
        { name: other, version, apps: { version: other } },
        { defaultStringType: type as 'PLAIN', defaultKeyType: 'PLAIN', lineWidth: 0 },
      );
      assert.equal(wordOf(text, 'version'), version, text);
    }),
  );
});

test('snaps: the unit says which of two instances runs, and whoever only maps a file of a snap does not run it', () => {
  const map = (
    path: string,
  ): { path: string; device: string; inode: string; deleted: boolean; executable: boolean } => ({
    path,
    device: '7:1',
    inode: '1',
    deleted: false,
    executable: true,
  });
  const one = (exe: string, cgroupUnit: string | null, ...maps: string[]): ReturnType<typeof snapOf> =>
    snapOf({ exe, cgroupUnit, maps: maps.map(map) } as never);
  assert.deepEqual(one('/snap/pg/12/bin/postgres', 'snap.pg_test.db.service'), { name: 'pg_test', revision: '12' });
  assert.deepEqual(one('/usr/bin/python3', 'snap.pg.db.service', '/snap/pg/12/lib/x.so'), {
    name: 'pg',
    revision: '12',
  });
  assert.deepEqual(one('/usr/bin/python3', 'snap.pg.db.service', '/snap/gtk/3/lib/x.so'), {
    name: 'pg',
    revision: null,
  });
  assert.equal(one('/usr/bin/python3', 'own.service', '/snap/gtk/3/lib/x.so'), null);
  assert.equal(one('/home/snap/pg/12/postgres', null), null);
});

test('snaps: whatever stands in the notes, they are read or refused', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const wrapped = `{"data":{"snaps":${text}}}`;
      try {
        for (const { revision } of parseState(wrapped)) assert.match(revision, /^x?\d+$/);
      } catch (error) {
        assert.ok((error as Error).message.length > 0 && !(error instanceof assert.AssertionError));
      }
    }),
  );
});
