import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ComponentFact } from '../../model/facts.ts';
import { collectFacts } from '../facts/collect.ts';
import type { FactCache } from '../facts/look.ts';
import { data, put, tree } from '../facts/testing.ts';
import { localHost } from '../local.ts';
import type { Process } from '../proc/processes.ts';
import { Bounds, Disk, Kept } from './bounds.ts';
import type { Program } from './contract.ts';
import { jar, named } from './jar.ts';
import { npm } from './npm.ts';
import { liar, zip } from './testing.ts';
import { zipEntries } from './zip.ts';

const children: ChildProcess[] = [];
after(() => children.forEach((child) => child.kill()));

/** A shell under another name that waits: a real process with the words and the open files of one. */
async function run(root: string, program: string, words: string[], open: string[] = []): Promise<void> {
  const at = join(root, program);
  fs.mkdirSync(join(at, '..'), { recursive: true });
  fs.copyFileSync('/bin/sh', at);
  const cwd = join(root, 'srv');
  fs.mkdirSync(cwd, { recursive: true });
  const files = open.map((path) => fs.openSync(join(root, path), 'r'));
  const child = spawn(at, ['-c', 'read line', ...words], { cwd, stdio: ['pipe', 'ignore', 'ignore', ...files] });
  children.push(child);
  await listed(root, child);
}

async function listed(root: string, child: ChildProcess): Promise<void> {
  fs.mkdirSync(join(root, 'proc'), { recursive: true });
  fs.symlinkSync(`/proc/${child.pid}`, join(root, `proc/${child.pid}`));
  await new Promise((resolve) => setTimeout(resolve, 100));
}

const told = (components: readonly ComponentFact[]): string[] =>
  components.map((one) => `${one.ecosystem} ${one.name} ${one.version} ${one.path}`);

const pom = (group: string, artifact: string, version: string): Record<string, string> => ({
  [`META-INF/maven/${group}/${artifact}/pom.properties`]: `#Created by Apache Maven 3.6.3\nversion=${version}\ngroupId=${group}\nartifactId=${artifact}\n`,
});
const LOG4J = zip({ 'META-INF/MANIFEST.MF': 'x', ...pom('org.apache.logging.log4j', 'log4j-core', '2.14.1') });

const unpacked = async (bytes: Uint8Array): Promise<string[][]> =>
  Promise.all(
    (zipEntries(bytes) ?? []).map(async (entry) => [entry.name, Buffer.from(await entry.read(1e6)).toString()]),
  );

test('zip: what Python packs is read, packed or not, with something before it; what is broken is none', async (context) => {
  assert.deepEqual(zipEntries(Buffer.from('PK nothing of the kind')), null);
  assert.deepEqual(zipEntries(LOG4J.subarray(0, LOG4J.length - 30)), null);
  assert.deepEqual(await unpacked(zip({ a: 'one', b: 'two' }, { before: '#!/bin/sh\nexec java -jar "$0"\n' })), [
    ['a', 'one'],
    ['b', 'two'],
  ]);
  const root = tree({
    'make.py':
      'import zipfile,sys\nz=zipfile.ZipFile(sys.argv[1],"w",zipfile.ZIP_DEFLATED)\nz.writestr("x/y.txt","hello"*99)\nz.writestr(zipfile.ZipInfo("stored"),"plain")\nz.comment=b"a comment"\nz.close()\n',
  });
  try {
    execFileSync('python3', [join(root, 'make.py'), join(root, 'x.zip')]);
  } catch {
    context.skip('no python3 on this machine');
    return;
  }
  assert.deepEqual(await unpacked(fs.readFileSync(join(root, 'x.zip'))), [
    ['x/y.txt', 'hello'.repeat(99)],
    ['stored', 'plain'],
  ]);
});

test('jar: artifacts of a Java program, archives in archives, by name where nothing better is known', async () => {
  const fat = zip(
    {
      ...pom('com.example', 'shop', '1.0'),
      'BOOT-INF/lib/log4j-core-2.14.1.jar': LOG4J,
      'BOOT-INF/lib/own-thing-3.2.jar': zip({ 'a.class': 'x' }),
      'BOOT-INF/lib/broken-1.1.jar': 'no zip',
    },
    { stored: true },
  );
  const shaded = zip({ ...pom('g', 'one', '1'), ...pom('g', 'two', '2') });
  const root = tree({
    'srv/shop.jar': fat,
    'srv/lib/shaded.jar': shaded,
    'srv/lib/beside-2.0.1.jar': zip({ x: '' }),
    'srv/lib/notes.txt': '',
    'opt/agent/agent-9.jar': zip(pom('a', 'agent', '9')),
    'usr/lib/jvm/java-17/lib/jrt-fs.jar': zip(pom('jdk', 'jrt', '17')),
    'usr/share/java/packaged-1.0.jar': zip({ x: '' }),
    'srv/other/unused-1.0.jar': zip({ x: '' }),
  });
  await run(
    root,
    'usr/lib/jvm/java-17/bin/java',
    ['-javaagent:/opt/agent/agent-9.jar=x', '-cp', 'lib/*:/usr/share/java/packaged-1.0.jar', '-jar', 'shop.jar'],
    ['usr/lib/jvm/java-17/lib/jrt-fs.jar'],
  );
  const { components, unread } = await data(root, 'inventories');
  assert.deepEqual(told(components), [
    'Maven a:agent 9 /opt/agent/agent-9.jar',
    'Maven beside 2.0.1 /srv/lib/beside-2.0.1.jar',
    'Maven g:one 1 /srv/lib/shaded.jar',
    'Maven g:two 2 /srv/lib/shaded.jar',
    'Maven com.example:shop 1.0 /srv/shop.jar',
    'Maven broken 1.1 /srv/shop.jar!/BOOT-INF/lib/broken-1.1.jar',
    'Maven org.apache.logging.log4j:log4j-core 2.14.1 /srv/shop.jar!/BOOT-INF/lib/log4j-core-2.14.1.jar',
    'Maven own-thing 3.2 /srv/shop.jar!/BOOT-INF/lib/own-thing-3.2.jar',
  ]);
  assert.deepEqual(components[0]?.usedBy, ['/usr/lib/jvm/java-17/bin/java']);
  assert.deepEqual(unread, ['/srv/shop.jar'], 'one of its archives could not be read');
});

test('jar: open files count; an archive is read again only when it changed, and is gone with its program', async () => {
  const root = tree({ 'srv/a.jar': zip(pom('g', 'a', '1')) });
  await run(root, 'usr/lib/jvm/x/bin/java', [], ['srv/a.jar']);
  const cache: FactCache = new Map();
  const look = async (): Promise<string[]> => {
    const [section] = await collectFacts(localHost({ root }), { names: ['inventories'], cache });
    return told((section!.data as { components: ComponentFact[] }).components);
  };
  assert.deepEqual(await look(), ['Maven g:a 1 /srv/a.jar']);
  fs.chmodSync(join(root, 'srv/a.jar'), 0o600);
  const kept = cache.get('inventories')!.value as Map<string, unknown>;
  assert.deepEqual([...kept.keys()], ['jar /srv/a.jar']);
  put(root, 'srv/b.jar', zip(pom('g', 'a', '2')));
  fs.renameSync(join(root, 'srv/b.jar'), join(root, 'srv/a.jar'));
  // Its open file is the replaced one now; what lies in its place is what the next start loads.
  assert.deepEqual(await look(), []);
  children.at(-1)!.kill();
  fs.rmSync(join(root, 'proc'), { recursive: true });
  assert.deepEqual(await look(), []);
  assert.equal(kept.size, 0, 'nothing is kept of what nobody runs');
});

test('zip: what comes out counts, not what the directory says; more than asked for is refused', async () => {
  const zeros = Buffer.alloc(8 * 1024 * 1024);
  for (const bytes of [liar(zip({ a: zeros })), liar(zip({ a: zeros }, { stored: true }))]) {
    const [entry] = zipEntries(bytes)!;
    await assert.rejects(entry!.read(zeros.length - 1));
    assert.equal((await entry!.read(zeros.length)).length, zeros.length);
    assert.ok(entry!.atMost >= zeros.length);
  }
});

test('jar: an archive that unpacks to more than any disk holds ends soon, and is named', async () => {
  const bomb = zip({ 'x.jar': Buffer.alloc(64 * 1024 * 1024 - 1) });
  // 30 000 entries, all of them the same few bytes.
  const root = tree({ 'srv/bomb-1.0.jar': liar(bomb, 30_000) });
  const bounds = new Bounds();
  const before = performance.now();
  const found = await jar.collect(program(root, ['/usr/bin/java', '-jar', '/srv/bomb-1.0.jar'], bounds));
  assert.ok(performance.now() - before < 60_000);
  assert.ok(found.length < 10);
  assert.deepEqual([...bounds.unread], ['/srv/bomb-1.0.jar']);
});

test('jar: what the clock cut short is not kept', async () => {
  const root = tree({ 'srv/a.jar': zip({ ...pom('g', 'a', '1'), 'b.jar': LOG4J }) });
  const answers = new Map<string, { stamp: string; value: unknown }>();
  const bounds = new Bounds();
  const one = program(root, ['/usr/bin/java', '-jar', '/srv/a.jar'], bounds);
  const kept = new Kept(answers, bounds);
  const late = Object.assign(one.disk, { late: () => true });
  await jar.collect({ ...one, disk: late, kept: kept.get.bind(kept) });
  assert.deepEqual([answers.size, [...bounds.unread]], [0, ['/srv/a.jar']]);
});

test('jar: class paths, agents and servers as their command lines name them', () => {
  assert.deepEqual(
    named(['java', '-cp', 'a.jar:lib/*', '-javaagent:/x/agent.jar=p', '-Dcatalina.base=/srv/tomcat', 'Main']),
    {
      files: ['a.jar', '/x/agent.jar'],
      directories: ['lib', '/srv/tomcat/lib', '/srv/tomcat/webapps', '/srv/tomcat/webapps/ROOT/WEB-INF/lib'],
    },
  );
});

const manifest = (name: string, version: string): string => JSON.stringify({ name, version });

test('npm: what lies beside the script of a Node program, nested ones too', async () => {
  const root = tree({
    'srv/shop/package.json': manifest('shop', '3.0.0'),
    'srv/shop/src/server.js': 'setInterval(() => {}, 1000);\n',
    'srv/shop/node_modules/express/package.json': manifest('express', '4.17.1'),
    'srv/shop/node_modules/@types/x/package.json': manifest('@types/x', '1.0.0'),
    'srv/shop/node_modules/express/node_modules/qs/package.json': manifest('qs', '6.7.0'),
    'srv/shop/node_modules/broken/package.json': '{',
    'srv/unused/node_modules/other/package.json': manifest('other', '1.0.0'),
  });
  // Its own place may be below /tmp, where no program of a host is looked for.
  fs.mkdirSync(join(root, 'usr/bin'), { recursive: true });
  fs.copyFileSync(process.execPath, join(root, 'usr/bin/node'), fs.constants.COPYFILE_FICLONE);
  const child = spawn(
    join(root, 'usr/bin/node'),
    ['--no-warnings', '-r', 'node:fs', join(root, 'srv/shop/src/server.js')],
    {
      stdio: 'ignore',
    },
  );
  children.push(child);
  await listed(root, child);
  const found = async (): Promise<string[]> => told((await data(root, 'inventories')).components);
  assert.deepEqual(await found(), [
    'npm shop 3.0.0 /srv/shop',
    'npm @types/x 1.0.0 /srv/shop/node_modules/@types/x',
    'npm express 4.17.1 /srv/shop/node_modules/express',
    'npm qs 6.7.0 /srv/shop/node_modules/express/node_modules/qs',
  ]);
  put(
    root,
    'srv/shop/node_modules/.package-lock.json',
    JSON.stringify({
      packages: {
        'node_modules/express': { version: '4.18.2' },
        'node_modules/alias': { name: 'real', version: '1.0.0' },
      },
    }),
  );
  assert.deepEqual(await found(), [
    'npm shop 3.0.0 /srv/shop',
    'npm real 1.0.0 /srv/shop/node_modules/alias',
    'npm express 4.18.2 /srv/shop/node_modules/express',
  ]);
});

/** A program without a process, for an inventory alone. */
function program(root: string, argv: string[], bounds: Bounds): Program {
  const kept = new Kept(new Map(), bounds);
  const of = { pid: 1, exe: argv[0], maps: [] } as unknown as Process;
  return {
    process: of,
    argv,
    cwd: '/',
    home: null,
    disk: new Disk(localHost({ root }), '', bounds),
    kept: kept.get.bind(kept),
  };
}

test('npm: what npm wrote down of our own modules is what lies there', async () => {
  const here = join(import.meta.dirname, '../../..');
  const root = tree({ 'app/package.json': '{}', 'app/x.js': '', 'app/node_modules/.keep': '' });
  fs.rmSync(join(root, 'app/node_modules'), { recursive: true });
  fs.mkdirSync(join(root, 'app/node_modules'));
  const names = ['zod', 'pino', 'yaml', '@peculiar', 'fastify', 'semver'].filter((name) =>
    fs.existsSync(join(here, 'node_modules', name)),
  );
  for (const name of names)
    fs.cpSync(join(here, 'node_modules', name), join(root, 'app/node_modules', name), {
      recursive: true,
      filter: (path) => !/\.(?:js|ts|map|cjs|mjs|md)$/.test(path),
    });
  const lock = JSON.parse(fs.readFileSync(join(here, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  const oracle = Object.entries(lock.packages).filter(([path]) =>
    names.some((name) => path.startsWith(`node_modules/${name}/`) || path === `node_modules/${name}`),
  );
  const walked = await npm.collect(program(root, ['/usr/bin/node', '/app/x.js'], new Bounds()));
  assert.ok(oracle.length > 5);
  assert.deepEqual(
    walked.map((one) => `${one.path.slice('/app/'.length)} ${one.version}`).sort(),
    oracle.map(([path, { version }]) => `${path} ${version}`).sort(),
  );
});

test('bounds: what does not fit any more is named, and not kept as if it were all', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`app/node_modules/p${n}/package.json`, manifest(`p${n}`, '1.0.0')]),
  );
  const root = tree({ 'app/package.json': '{}', 'app/x.js': '', ...files });
  const few = new Bounds({ looks: 20 });
  const cut = await npm.collect(program(root, ['/usr/bin/node', '/app/x.js'], few));
  assert.ok(cut.length > 0 && cut.length < 20);
  assert.ok(few.unread.size > 0);
  const answers = new Map<string, { stamp: string; value: unknown }>();
  await new Kept(answers, few).get('x', '1', async () => {
    few.note('/more');
    return [];
  });
  assert.equal(answers.size, 0);
  const late = new Bounds({ ms: 0 });
  assert.deepEqual(await npm.collect(program(root, ['/usr/bin/node', '/app/x.js'], late)), []);
  assert.ok(late.unread.size > 0);
});

test('pip: what is installed in the environment of a Python program; names as PyPI writes them', async () => {
  const root = tree({
    'srv/venv/pyvenv.cfg': 'home = /usr/bin\n',
    'srv/venv/lib/python3.11/site-packages/Jinja2-3.1.2.dist-info/METADATA': '',
    'srv/venv/lib/python3.11/site-packages/zope.interface-5.4.0-py3.11.egg-info': '',
    'srv/venv/lib/python3.11/site-packages/jinja2/__init__.py': '',
    'usr/local/lib/python3.11/dist-packages/outside-1.0.dist-info/METADATA': '',
  });
  await run(root, 'srv/venv/bin/python3.11', []);
  assert.deepEqual(told((await data(root, 'inventories')).components), [
    'PyPI jinja2 3.1.2 /srv/venv/lib/python3.11/site-packages/Jinja2-3.1.2.dist-info',
    'PyPI zope-interface 5.4.0 /srv/venv/lib/python3.11/site-packages/zope.interface-5.4.0-py3.11.egg-info',
  ]);
  const system = tree({
    'usr/local/lib/python3.11/dist-packages/outside-1.0.dist-info/METADATA': '',
    'usr/local/lib/python3.9/dist-packages/older-1.0.dist-info/METADATA': '',
    'usr/lib/python3/dist-packages/packaged-1.0.dist-info/METADATA': '',
  });
  await run(system, 'usr/bin/python3.11', []);
  assert.deepEqual(
    told((await data(system, 'inventories')).components).map((one) => one.split(' ')[1]),
    ['outside'],
  );
});

test('pip: the same as pip says of a Python that runs here', async (context) => {
  const child = spawn('python3', ['-c', 'input()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  child.on('error', () => {});
  let said: { name: string; version: string; location: string }[];
  let exe: string;
  try {
    said = JSON.parse(
      execFileSync('python3', ['-m', 'pip', 'list', '--verbose', '--format', 'json'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as typeof said;
    exe = fs.readlinkSync(`/proc/${child.pid}/exe`);
  } catch {
    context.skip('no python3 with pip on this machine');
    return;
  }
  const { components } = await data('/', 'inventories');
  const ours = new Set(
    components
      .filter((one) => one.ecosystem === 'PyPI' && one.usedBy.includes(exe))
      .map((one) => `${one.name} ${one.version}`),
  );
  const plain = (name: string): string => name.replace(/[-_.]+/g, '-').toLowerCase();
  // What dpkg installed is dpkg's to tell.
  const byPip = said.filter((one) => one.location !== '/usr/lib/python3/dist-packages');
  for (const one of byPip) assert.ok(ours.has(`${plain(one.name)} ${one.version}`), `${one.name} ${one.version}`);
  child.kill();
});

test('gem: gems of the Ruby that runs, of the system and of its bundle', async () => {
  const root = tree({
    'usr/local/lib/ruby/gems/3.2.0/specifications/nokogiri-1.15.4-x86_64-linux.gemspec': '',
    'usr/local/lib/ruby/gems/3.2.0/specifications/default/json-2.6.3.gemspec': '',
    'srv/vendor/bundle/ruby/3.2.0/specifications/rack-test-2.1.0.gemspec': '',
    'var/lib/gems/3.1.0/specifications/puma-6.0.0.gemspec': '',
  });
  await run(root, 'usr/local/bin/ruby', []);
  assert.deepEqual(
    told((await data(root, 'inventories')).components)
      .map((one) => one.split(' ').slice(0, 3).join(' '))
      .sort(),
    ['RubyGems json 2.6.3', 'RubyGems nokogiri 1.15.4', 'RubyGems puma 6.0.0', 'RubyGems rack-test 2.1.0'],
  );
});
