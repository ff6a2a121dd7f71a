import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readKit } from './folder.ts';
import { KITS_DIR, parseKit } from './parse.ts';
import { testKit } from './fixtures.ts';
import { skeleton } from './skeleton.ts';

const directory = mkdtempSync(join(tmpdir(), 'lastember-kit-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name, path)), { recursive: true });
    writeFileSync(join(directory, name, path), text);
  }
  return join(directory, name);
}
const refused = (why: RegExp) => ({ code: 'KIT_SOURCE', message: why });

test('a new kit holds as it is made, and each fault in it is named', async () => {
  const files = skeleton('mine');
  const tested = async (change: (all: Record<string, string>) => void): Promise<string[]> => {
    const all: Record<string, string> = { ...files };
    change(all);
    const folder = await readKit(write(`t${Math.random()}`, all));
    return testKit(parseKit(folder.text, 'kit.yaml'), folder).flatMap(({ problems }) => problems);
  };
  const cases = 'fixtures/syn-cookies-off.yaml';
  assert.deepEqual(await tested(() => {}), []);
  assert.deepEqual(await tested((all) => delete all[cases]), ['There is no fixtures/syn-cookies-off.yaml.']);
  assert.deepEqual(await tested((all) => (all[cases] = 'cases: [{ expect: pass }]')), [
    'No case fails.',
    'There is no case that it does not apply to.',
  ]);
  const [wrong] = await tested((all) => (all[cases] = all[cases]!.replace('expect: fail', 'expect: unknown')));
  assert.equal(wrong, 'No case fails.');
  assert.deepEqual(await tested((all) => (all['fixtures/other.yaml'] = 'cases: []')), [
    'There is no check of that name.',
  ]);
  await assert.rejects(
    tested((all) => (all['fixtures/base.yaml'] = all['fixtures/base.yaml']!.replace('arch: x86_64', 'arch: 7'))),
    { code: 'KIT_FIXTURE', message: /syn-cookies-off\.yaml.*os\.arch/ },
  );
  await assert.rejects(
    tested((all) => (all[cases] = 'cases: [')),
    { code: 'KIT_FIXTURE' },
  );
});

test('3.12: recorded cases stand by themselves, are judged with the others, and have to say where they are from', async () => {
  const from = "{ system: Debian 12, host: web1, trial: tried, state: made bad, date: '2026-11-27' }";
  const os = `os: ${JSON.stringify({ id: 'debian', versionId: '12', codename: '', prettyName: '', arch: '', hostname: '', machineId: null, bootId: null, kernel: '', image: null, libc: null, serviceManager: 'none' })}`;
  const settings = (value: string): string =>
    `settings: { sshd: {}, sysctl: { net.ipv4.tcp_syncookies: '${value}' }, users: [] }`;
  const recorded = (value: string, rest = `, from: ${from}`): string =>
    `cases: [{ expect: fail, component: net.ipv4.tcp_syncookies, facts: { ${os}, ${settings(value)} }${rest} }]`;
  const tested = async (name: string, text: string) => {
    const path = write(`r${Math.random()}`, { ...skeleton('mine'), [`fixtures/recorded/${name}.yaml`]: text });
    const folder = await readKit(path);
    return testKit(parseKit(folder.text, 'kit.yaml'), folder);
  };
  const [whole] = await tested('syn-cookies-off', recorded('0'));
  assert.deepEqual([whole?.cases, whole?.problems], [4, []]);
  const [wrong] = await tested('syn-cookies-off', recorded('1'));
  assert.deepEqual(wrong?.problems, ['Recorded case 1 wants fail, and net.ipv4.tcp_syncookies is pass.']);
  // The base has these settings; a recorded case that lacks them is not helped by it.
  const [bare] = await tested('syn-cookies-off', recorded('0').replace(`, ${settings('0')}`, ''));
  assert.match(bare!.problems.join(), /Recorded case 1 wants fail/);
  assert.deepEqual((await tested('other', recorded('0'))).at(-1)?.problems, ['There is no check of that name.']);
  for (const text of [recorded('0', ''), recorded('0').replace('made bad', 'seen')])
    await assert.rejects(tested('syn-cookies-off', text), {
      code: 'KIT_FIXTURE',
      message: /recorded\/syn-cookies-off\.yaml/,
    });
});

test('a folder, a tarball of it, one by git archive and one without gzip are the same kit', async () => {
  const source = join(directory, 'heartbleed');
  cpSync(join(KITS_DIR, 'heartbleed'), source, { recursive: true });
  const at = (name: string): string => join(directory, name);
  execFileSync('tar', ['-C', directory, '-czf', at('a.tar.gz'), 'heartbleed']);
  execFileSync('tar', ['-C', source, '-cf', at('b.tar'), '.']);
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', source, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args]);
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'a');
  git('archive', '--format=tar.gz', '--prefix=kits-main/', '-o', at('c.tar.gz'), 'HEAD');
  const [whole, ...packed] = await Promise.all([source, at('a.tar.gz'), at('b.tar'), at('c.tar.gz')].map(readKit));
  assert.ok(whole!.fixtures.size > 3);
  for (const one of packed) assert.deepEqual([...one!.fixtures].sort(), [...whole!.fixtures].sort());
  for (const one of packed) assert.equal(one!.text, whole!.text);
});

test('tarballs that lead out, link, lie, or unpack for ever are refused, each by what is wrong', async () => {
  const kit = write('out/kit', { 'kit.yaml': 'kit: x\n' });
  const tar = (name: string, ...args: string[]): string => {
    execFileSync('tar', ['-C', kit, '-cPf', join(directory, name), ...args]);
    return join(directory, name);
  };
  await assert.rejects(readKit(tar('up.tar', '--transform=s#^#../#', 'kit.yaml')), refused(/leads out/));
  await assert.rejects(readKit(tar('root.tar', '--transform=s#^#/etc/#', 'kit.yaml')), refused(/leads out/));
  symlinkSync('/etc/passwd', join(kit, 'link'));
  await assert.rejects(readKit(tar('link.tar', 'kit.yaml', 'link')), refused(/link or a device/));
  writeFileSync(join(kit, 'big'), 'x'.repeat(300_000));
  await assert.rejects(readKit(tar('big.tar', 'kit.yaml', 'big')), refused(/larger than/));
  const bomb = join(directory, 'bomb.tar.gz');
  writeFileSync(bomb, gzipSync(Buffer.alloc(64 * 1024 * 1024)));
  await assert.rejects(readKit(bomb), refused(/unpacks to more than/));
  const noise = write('noise', { 'x.tar': 'no tarball at all '.repeat(100) });
  await assert.rejects(readKit(join(noise, 'x.tar')), refused(/no folder and no tarball/));
  await assert.rejects(readKit(join(directory, 'nowhere')), refused(/nothing of that name/));
  await assert.rejects(readKit(noise), refused(/no kit\.yaml/));
  rmSync(join(kit, 'kit.yaml'));
  symlinkSync('/etc/passwd', join(kit, 'kit.yaml'));
  await assert.rejects(readKit(kit), refused(/no regular file/));
});
