import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { OpenSslCopy } from '../../model/facts.ts';
import { localHost } from '../local.ts';
import { copyIn } from '../openssl/words.ts';
import { placesOf } from '../openssl/places.ts';
import { collectFacts } from './collect.ts';
import type { FactCache } from './look.ts';
import { put, tree } from './testing.ts';

const children: ChildProcess[] = [];
after(() => children.forEach((child) => child.kill()));

/** The real library of this machine, as it is or saying that it is another version. */
function real(says?: string): Buffer | null {
  const listed = (() => {
    try {
      return execFileSync('sh', ['-c', 'ls /usr/lib/*/libcrypto.so.* /usr/lib*/libcrypto.so.* 2>/dev/null || true']);
    } catch {
      return '';
    }
  })();
  const path = listed.toString().split('\n')[0];
  if (!path) return null;
  const bytes = fs.readFileSync(path);
  if (says === undefined) return bytes;
  const at = /OpenSSL \d+\.\d+\.\d+[a-z]* +\d{1,2} [A-Z][a-z]{2} \d{4}/.exec(bytes.toString('latin1'))!;
  assert.ok(says.length <= at[0].length);
  bytes.fill(0, at.index, at.index + at[0].length);
  bytes.write(says, at.index, 'latin1');
  return bytes;
}
const OLD = 'OpenSSL 1.0.1f 6 Jan 2014';
const skip = real() === null ? 'this machine has no libcrypto' : false;

/** A tree with the programs that tell; files of a package belong to it. */
function host(files: Record<string, string | Uint8Array>, packaged: string[] = []): string {
  const program = (name: string): string => `#!/bin/sh\necho ${name} >>run/told\nexec ${which(name)} "$@"\n`;
  return tree({
    'etc/os-release': 'ID=debian\n',
    'etc/passwd': 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n',
    'var/lib/dpkg/status':
      'Package: libx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nMaintainer: x\nDescription: x\n\n',
    'var/lib/dpkg/info/libx.list': `/.\n${packaged.map((path) => `/${path}\n`).join('')}`,
    'usr/bin/find': program('find'),
    'usr/bin/env': `#!/bin/sh\nexec ${which('env')} "$@"\n`,
    'usr/bin/grep': program('grep'),
    'run/told': '',
    ...files,
  });
}
const which = (name: string): string =>
  execFileSync('sh', ['-c', `command -v ${name}`])
    .toString()
    .trim();
const asked = (root: string, name: string): number =>
  fs
    .readFileSync(join(root, 'run/told'), 'utf8')
    .split('\n')
    .filter((line) => line === name).length;

async function look(root: string, cache: FactCache = new Map()): Promise<OpenSslCopy[]> {
  const [section] = await collectFacts(localHost({ root }), { names: ['openssl'], cache });
  assert.equal(section?.error, undefined);
  return section!.data as OpenSslCopy[];
}

/** A real process with this library mapped, or of this program. */
async function run(root: string, program: string, library?: string): Promise<ChildProcess> {
  const env = library === undefined ? {} : { LD_PRELOAD: join(root, library) };
  const child = spawn(program, ['-c', 'read line'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  children.push(child);
  await new Promise((resolve) => setTimeout(resolve, 200));
  fs.mkdirSync(join(root, 'proc'), { recursive: true });
  fs.symlinkSync(`/proc/${child.pid}`, join(root, `proc/${child.pid}`));
  return child;
}

const short = (copies: readonly OpenSslCopy[]): unknown[] =>
  copies.map(({ path, library, version, linked }) => [path, library, version, linked]);

describe('copies of OpenSSL outside of packages', { skip }, () => {
  test('3.5: a library that a process maps and no package owns is found, with its version and who runs it', async () => {
    const root = host(
      {
        'app/lib/libcrypto.so.1.0.0': real(OLD)!,
        'usr/lib/x86_64-linux-gnu/libcrypto.so.3': real()!,
      },
      ['usr/lib/x86_64-linux-gnu/libcrypto.so.3'],
    );
    await run(root, '/bin/sh', 'app/lib/libcrypto.so.1.0.0');
    await run(root, '/bin/sh', 'usr/lib/x86_64-linux-gnu/libcrypto.so.3');
    const copies = await look(root);
    assert.deepEqual(short(copies), [['/app/lib/libcrypto.so.1.0.0', 'OpenSSL', '1.0.1f', 'shared']]);
    assert.equal(copies[0]!.usedBy.length, 1);
    assert.deepEqual(copies[0]!.stale, []);
  });

  test('3.5: a static one in a running program is found; a program that only uses the library is none', async () => {
    const shell = fs.readFileSync('/bin/sh');
    const root = host({});
    for (const [name, words] of [
      ['carries', `\0AES part of ${OLD}\0`],
      ['uses', `\0built with ${OLD}\0libssl.so.1.0.0\0`],
    ]) {
      put(root, `srv/sbin/${name}`, Buffer.concat([shell, Buffer.from(words!)]));
      fs.chmodSync(join(root, `srv/sbin/${name}`), 0o755);
      await run(root, join(root, `srv/sbin/${name}`));
    }
    const copies = await look(root);
    assert.deepEqual(short(copies), [['/srv/sbin/carries', 'OpenSSL', '1.0.1f', 'static']]);
    assert.deepEqual(copies[0]!.usedBy, ['/srv/sbin/carries']);
  });

  test('3.5: copies that lie where people put them are found; nothing is read again while it is the same', async () => {
    const text = (says: string): string => `\x7fELF ${says}\0`;
    const root = host(
      {
        'opt/conda/lib/libcrypto.so.3': text('OpenSSL 3.0.11 19 Sep 2023'),
        'home/ann/venv/lib/python3.11/site-packages/x.libs/libssl-1a2b.so.1.1': text('OpenSSL 1.1.1k  25 Mar 2021'),
        'home/ann/.nvm/versions/node/v0.10.0/bin/node': text('AES part of OpenSSL 1.0.1e-fips 11 Feb 2013'),
        'usr/local/lib/libssl.so.48': text('LibreSSL 3.8.2'),
        'usr/local/lib/libssl.so': '-> libssl.so.48',
        'opt/pkg/lib/libssl.so.3': text(OLD),
        'var/tmp/libssl.so.3': text(OLD),
        'opt/none/lib/libcrypto.so.3': text('nothing of the kind'),
      },
      ['opt/pkg/lib/libssl.so.3'],
    );
    const cache: FactCache = new Map();
    const expected = [
      ['/home/ann/.nvm/versions/node/v0.10.0/bin/node', 'OpenSSL', '1.0.1e-fips', 'static'],
      ['/home/ann/venv/lib/python3.11/site-packages/x.libs/libssl-1a2b.so.1.1', 'OpenSSL', '1.1.1k', 'shared'],
      ['/opt/conda/lib/libcrypto.so.3', 'OpenSSL', '3.0.11', 'shared'],
      ['/usr/local/lib/libssl.so.48', 'LibreSSL', '3.8.2', 'shared'],
    ];
    assert.deepEqual(short(await look(root, cache)), expected);
    const [walks, reads] = [asked(root, 'find'), asked(root, 'grep')];
    assert.deepEqual([walks, reads], [3, 1], '/home/ann, /opt and /usr/local; all files at once');
    assert.deepEqual(short(await look(root, cache)), expected);
    assert.deepEqual([asked(root, 'find'), asked(root, 'grep')], [walks, reads]);
    put(root, 'opt/conda/lib/libcrypto.so.3', text('OpenSSL 3.0.19 27 Jan 2026, longer'));
    assert.equal((await look(root, cache))[2]!.version, '3.0.19');
    assert.equal(asked(root, 'grep'), reads + 1);
    fs.rmSync(join(root, 'opt/conda'), { recursive: true });
    assert.equal((await look(root, cache)).length, 3);
  });

  test('3.5: replaced on disk while a process runs the old one: nobody can tell which that is, and it is said', async () => {
    const library = 'app/lib/libcrypto.so.1.0.0';
    const root = host({ [library]: real(OLD)! });
    const child = await run(root, '/bin/sh', library);
    put(root, `${library}.new`, real('OpenSSL 1.0.1u 22 Sep 2016')!);
    fs.renameSync(join(root, `${library}.new`), join(root, library));
    const [copy] = await look(root);
    assert.deepEqual([copy!.version, copy!.stale.length], ['1.0.1u', 1]);
    fs.rmSync(join(root, library));
    const [gone] = await look(root);
    assert.deepEqual([gone!.path, gone!.version, gone!.stale.length], [`/${library}`, null, 1]);
    child.kill();
    fs.rmSync(join(root, `proc/${child.pid}`));
    assert.deepEqual(await look(root), []);
  });

  test('3.5: what could not be looked at is told as unknown, not left out', async () => {
    const root = host({ 'opt/x/lib/libssl.so.1': OLD, 'home/ann/x': '' });
    put(root, 'usr/bin/find', '#!/bin/sh\ncase "$2" in */home/*) exit 9 ;; esac\nexec /usr/bin/find "$@"\n');
    put(root, 'usr/bin/env', '#!/bin/sh\nexit 127\n');
    assert.deepEqual(short(await look(root)), [
      ['/home/ann', null, null, null],
      ['/opt/x/lib/libssl.so.1', null, null, null],
    ]);
  });
});

test('what a file says of its OpenSSL', () => {
  assert.equal(copyIn('/x/libfoo.so', ['OpenSSL 1.0.1f 6 Jan 2014', 'libcrypto.so.1']), null);
  assert.equal(copyIn('/x/libssl.so.3', ['libcrypto.so.3']), null, 'its libcrypto says it');
  assert.equal(copyIn('/x/node', ['OpenSSL 3.0.15+quic 3 Sep 2024'])!.version, '3.0.15+quic');
});

test('places where people put what no package brings: never the whole disk', () => {
  assert.deepEqual(placesOf(['/', '/home', '/root', '/home/ann', '/nonexistent', '/opt/app', '/var/www', '/proc']), [
    '/opt',
    '/srv',
    '/usr/local',
    '/home/ann',
    '/root',
  ]);
  const many = Array.from({ length: 80 }, (_, i) => `/home/u${i}`);
  assert.deepEqual(placesOf(many).slice(0, 3), ['/opt', '/srv', '/usr/local'], 'however many homes there are');
});

test('3.5: a file that says more than is kept of all it is asked with hides none of the others', async () => {
  const root = host({ 'opt/a/lib/libssl.so.1': 'libssl.so.1\n'.repeat(400_000), 'opt/b/lib/libssl.so.1': OLD });
  const found = short(await look(root)) as unknown[][];
  assert.ok(
    found.some(([path, ...told]) => path === '/opt/b/lib/libssl.so.1' && told.includes('1.0.1f')),
    JSON.stringify(found),
  );
  assert.ok(
    found.some(([path, ...told]) => path === '/opt/a/lib/libssl.so.1' && told.every((one) => one === null)),
    'unknown, not clean',
  );
});

test('3.5: a place that is a link is looked through', async () => {
  const root = host({ 'data/opt/x/lib/libssl.so.1': OLD });
  fs.symlinkSync('data/opt', join(root, 'opt'));
  assert.deepEqual(
    short(await look(root)).map((one) => (one as unknown[])[0]),
    ['/opt/x/lib/libssl.so.1'],
  );
});
