import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { HELPER, Store } from './store.ts';

const skip = existsSync(HELPER) ? false : 'apt fetches for the mirror, and is not here';
const dir = mkdtempSync(join(tmpdir(), 'lastember-mirror-'));
after(() => rmSync(dir, { recursive: true, force: true }));

// `copy:` is apt's own scheme for files of this machine: no network is needed to see what is fetched when.
const archive = join(dir, 'archive');
const store = new Store(join(dir, 'cache'), { debian: `copy:${archive}` });
function publish(path: string, text: string): void {
  mkdirSync(join(archive, path, '..'), { recursive: true });
  writeFileSync(join(archive, path), text);
}
async function text(path: string): Promise<string> {
  const got = await store.get(path);
  return 'file' in got ? readFileSync(got.file, 'utf8') : String(got.status);
}

test('a package is fetched once, and kept when the archive has it no more', { skip }, async () => {
  publish('pool/main/x/x_1.0+dfsg~1_all.deb', 'one');
  const path = '/debian/pool/main/x/x_1.0+dfsg~1_all.deb';
  assert.deepEqual(await Promise.all([text(path), text(path)]), ['one', 'one']);
  rmSync(archive, { recursive: true });
  assert.equal(await text(path), 'one');
});

test('what the archive does not have is not made up', { skip }, async () => {
  assert.match(await text('/debian/dists/none/InRelease'), /^(404|502)$/);
  assert.match(await text('/debian/dists/none/InRelease'), /^(404|502)$/);
});

test('nothing but archives is served', { skip }, async () => {
  writeFileSync(join(dir, 'secret'), 'secret');
  for (const path of [
    '/debian/../../secret',
    '/debian/..',
    '/other/pool/x',
    '/',
    '/debian/',
    '/debian//etc/passwd',
    '/debian/.x',
  ])
    assert.equal(await text(path), '403', path);
});
