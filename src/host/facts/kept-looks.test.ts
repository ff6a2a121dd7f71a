import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { localHost } from '../local.ts';
import { sshHost } from '../ssh/index.ts';
import { newSshKey } from '../ssh/testing/keys.ts';
import { testSshServer } from '../ssh/testing/server.ts';
import { SECTION_NAMES } from '../../model/section-names.ts';
import type { Host, Wanted } from '../host.ts';
import { collectFacts } from './collect.ts';
import type { FactCache } from './look.ts';
import { put, tree } from './testing.ts';

const STATUS = (version: string): string =>
  `Package: shop\nStatus: install ok installed\nArchitecture: all\nVersion: ${version}\n\n`;
/** Path, and contents of the same and of another length. */
const FILES: Record<string, string[]> = {
  'etc/ssh/sshd_config': ['MaxAuthTries 3\n', 'MaxAuthTries 4\n', 'Include /etc/ssh/more/*\n'],
  'etc/ssh/more/x': ['LogLevel INFO\n', 'X11Forwarding yes\n'],
  'etc/passwd': ['root:x:0:0::/root:/bin/sh\n', 'root:x:0:0::/roof:/bin/sh\n', 'a:x:1000:1000::/home/a:/bin/sh\n'],
  'etc/shadow': ['root:*:1::::::\n', 'root:!:1::::::\n'],
  'etc/crontab': ['1 1 * * * root one\n', '1 1 * * * root two\n', ''],
  'etc/os-release': ['ID=debian\n', 'ID=ubuntu\n'],
  'etc/modprobe.d/a.conf': ['install x /bin/true\n', 'install y /bin/true\n'],
  'etc/sudoers': ['root ALL=(ALL) ALL\n', 'root ALL=(ALL) NOPASSWD: ALL\n'],
  'etc/init.d/shop': ['### BEGIN INIT INFO\nDAEMON=/usr/bin/a\n', '### BEGIN INIT INFO\nDAEMON=/usr/bin/b\n'],
  'var/lib/dpkg/status': [STATUS('1'), STATUS('2'), STATUS('10')],
  'var/lib/dpkg/info/shop.list': ['/usr/bin/a\n', '/usr/bin/b\n'],
  'proc/sys/kernel/random/boot_id': ['one\n', 'two\n'],
  'usr/bin/sshd': ['#!/bin/sh\nexit 1\n', "#!/bin/sh\nprintf 'port 22\\nloglevel DEBUG\\n'\n"],
};
const NAMES = Object.keys(FILES);

type Change = { path: string; which: number; how: 'write' | 'restore' | 'replace' | 'remove' | 'mode' };
const changes = fc.array(
  fc.record<Change>({
    path: fc.constantFrom(...NAMES),
    which: fc.nat(2),
    how: fc.constantFrom('write', 'restore', 'replace', 'remove', 'mode'),
  }),
  { minLength: 1, maxLength: 8 },
);

function apply(root: string, { path, which, how }: Change): void {
  const at = join(root, path);
  const text = FILES[path]![which % FILES[path]!.length]!;
  const before = fs.statSync(at, { throwIfNoEntry: false });
  if (how === 'remove') return fs.rmSync(at, { force: true });
  if (how === 'mode') return before && fs.chmodSync(at, which === 0 ? 0o600 : 0o755);
  if (how === 'replace') fs.rmSync(at, { force: true });
  put(root, path, text);
  // As whoever unpacks a backup does.
  if (how === 'restore' && before) fs.utimesSync(at, before.atime, before.mtime);
  return undefined;
}

const hashes = async (root: string, cache?: FactCache): Promise<string[]> => {
  const sections = await collectFacts(localHost({ root }), cache === undefined ? {} : { cache });
  return sections.map(({ name, hash }) => `${name} ${hash}`);
};

test('a look that remembers tells the same as one that does not, whatever was changed in between', async () => {
  const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(sleeper, 'spawn');
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 4 }), async (rounds) => {
        const root = tree(Object.fromEntries(NAMES.map((path) => [path, FILES[path]![0]!])));
        fs.symlinkSync(`/proc/${sleeper.pid}`, join(root, `proc/${sleeper.pid}`));
        let cache: FactCache = new Map();
        for (const round of rounds) {
          round.forEach((change) => apply(root, change));
          assert.deepEqual(await hashes(root, cache), await hashes(root));
          // As the next process of an agent finds it.
          cache = deserialize(serialize(cache)) as FactCache;
        }
      }),
      { numRuns: 15 },
    );
  } finally {
    sleeper.kill();
  }
});

test('over SSH a third look, which asks for all in one go, tells what this machine itself tells', async () => {
  const key = newSshKey().private;
  const server = await testSshServer({
    root: '/',
    hostKey: key,
    username: 'ops',
    password: 'right',
    interpreters: true,
  });
  const names = ['cron', 'files', 'kernel', 'mounts', 'os', 'users'] as const;
  const cache: FactCache = new Map();
  const asked: number[] = [];
  try {
    let over: string[] = [];
    for (let look = 0; look < 3; look += 1) {
      const target = { address: '127.0.0.1', port: server.port, username: 'ops', auth: { password: 'right' } };
      const host = await sshHost({ ...target, trust: server.fingerprint });
      let missed = 0;
      const glance: typeof host.glance = (paths, hear) =>
        host.glance!(paths, (one) => {
          missed += 1;
          hear?.(one);
        });
      const sections = await collectFacts({ ...host, glance }, { cache });
      over = sections
        .filter(({ name }) => names.some((one) => one === name))
        .map(({ name, hash }) => `${name} ${hash}`);
      asked.push(missed);
      await host.close();
    }
    const here = await collectFacts(localHost(), { names });
    assert.deepEqual(over.toSorted(), here.map(({ name, hash }) => `${name} ${hash}`).toSorted());
    assert.ok(asked[2]! < asked[1]! / 2, `asked one by one: ${asked.join(', ')}`);
  } finally {
    await server.close();
  }
});

/** A host that can be asked for all in one go: notes how many questions that were, and hears of each that was not among them. */
function farAway(root: string, asked: number[], isAway = (_look: number): boolean => false): Host {
  const host = localHost({ root });
  const glance = async (wanted: readonly Wanted[], missed: (one: Wanted) => void = () => {}): Promise<Host> => {
    asked.push(wanted.length);
    if (isAway(asked.length)) throw new Error('it takes too long');
    const known = new Set(wanted.map(({ how, paths }) => `${how} ${paths}`));
    const hears = <K extends Wanted['how']>(how: K): Host[K] =>
      (async (path: string, ...more: never[]) => {
        if (!known.has(`${how} ${path}`)) missed({ how, paths: path });
        return (host[how] as (path: string, ...all: never[]) => unknown)(path, ...more);
      }) as Host[K];
    return { ...host, read: hears('read'), list: hears('list'), stat: hears('stat'), readlink: hears('readlink') };
  };
  return { ...host, far: true, glance };
}

test('what a look had to ask by itself is asked in one go by the next, in whatever order all sections were asked', async () => {
  const root = tree(Object.fromEntries(NAMES.map((path) => [path, FILES[path]![0]!])));
  const [cache, asked]: [FactCache, number[]] = [new Map(), []];
  const names = SECTION_NAMES.toReversed();
  for (let look = 0; look < 4; look += 1) await collectFacts(farAway(root, asked), { cache, names });
  assert.ok(asked[2]! > asked[0]! + 20, `asked in one go: ${asked.join(', ')}`);
  assert.equal(asked[3], asked[2]);
  await collectFacts(farAway(root, asked), { cache, names: ['os'] });
  await collectFacts(farAway(root, asked), { cache });
  assert.equal(asked[5], asked[2], 'a look at a part forgets nothing');
});

test('a look that could not have all in one go asks for what every host is asked the next time', async () => {
  const root = tree(Object.fromEntries(NAMES.map((path) => [path, FILES[path]![0]!])));
  const [cache, asked]: [FactCache, number[]] = [new Map(), []];
  for (let look = 0; look < 4; look += 1)
    await collectFacts(
      farAway(root, asked, (one) => one === 3),
      { cache },
    );
  assert.ok(asked[2]! > asked[0]!);
  assert.equal(asked[3], asked[0]);
});

test('how a machine is called that did not say so is asked again at the next look', async () => {
  const root = tree({ 'proc/sys/kernel/random/boot_id': 'one\n' });
  const cache: FactCache = new Map();
  const archOf = async (stdout: string): Promise<unknown> => {
    const host = { ...localHost({ root }), exec: async () => ({ code: stdout ? 0 : 1, stdout, stderr: '' }) };
    const [section] = await collectFacts(host as Host, { names: ['os'], cache });
    return (section!.data as { arch: string }).arch;
  };
  assert.equal(await archOf(''), 'unknown');
  assert.equal(await archOf('x86_64\n'), 'x86_64');
  assert.equal(await archOf(''), 'x86_64', 'it is the same until the next boot');
});

test('a process of before the boot says nothing of the one that has its number now', async () => {
  const file = (path: string): string => `00400000-00401000 r-xp 00000000 08:01 7 ${path}\n`;
  const numbers = (path: string) => ({
    'proc/7/stat': `7 (shop) S 1 7 7 0 -1 0 ${Array.from({ length: 40 }, () => 5).join(' ')}\n`,
    'proc/7/status': 'Name:\tshop\nPPid:\t1\nUid:\t0\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t1\n',
    'proc/7/cmdline': `${path}\0`,
    'proc/7/exe': `-> ${path}`,
    'proc/7/maps': file(path),
    'usr/lib/old.so': '',
    'usr/lib/new.so': '',
  });
  const root = tree({ ...numbers('/usr/lib/old.so'), 'proc/sys/kernel/random/boot_id': 'one\n' });
  const cache: FactCache = new Map();
  const mapped = async (): Promise<string> => {
    const sections = await collectFacts(localHost({ root }), { names: ['processes'], cache });
    return JSON.stringify(sections);
  };
  for (let look = 0; look < 3; look += 1) assert.match(await mapped(), /old\.so/);
  fs.rmSync(join(root, 'proc/7/exe'));
  for (const [path, text] of Object.entries(numbers('/usr/lib/new.so'))) put(root, path, text);
  put(root, 'proc/sys/kernel/random/boot_id', 'two\n');
  const after = await mapped();
  assert.match(after, /new\.so/);
  assert.doesNotMatch(after, /old\.so/);
});
