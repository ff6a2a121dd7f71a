import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import { withClient } from '../db/index.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { checkVaultKey, loadVaultKey } from './key.ts';

const actor = systemActor('vault test');
const SECRET = 'correct horse battery staple \u{1f525}';
let p: TestPlatform;
before(async () => {
  p = await testPlatform();
});
after(() => p.close());

const put = (secret: string): Promise<string> => p.observe(actor, (tx) => p.vault.put(tx, secret));
const use = (id: string): Promise<string> => p.vault.use(id, async (secret) => secret);

test('a secret comes back only to the function that uses it, and is gone when removed', async () => {
  const id = await put(SECRET);
  assert.equal(await use(id), SECRET);
  await p.observe(actor, (tx) => p.vault.remove(tx, id));
  await assert.rejects(use(id), (e) => isAppError(e, 'NOT_FOUND'));
});

test('the plaintext is nowhere in the table, and the same secret never looks the same twice', async () => {
  await put(SECRET);
  await put(SECRET);
  const rows = await withClient(p.urls.root, async (client) => {
    const { rows } = await client.query<{ row: string; ciphertext: Buffer }>(
      'select s::text as row, ciphertext from platform.secret s',
    );
    return rows;
  });
  assert.ok(rows.length >= 2);
  const hex = Buffer.from(SECRET).toString('hex');
  for (const { row } of rows) {
    assert.ok(!row.includes(SECRET) && !row.includes(hex) && !row.includes(Buffer.from(SECRET).toString('base64')));
  }
  assert.equal(new Set(rows.map((row) => row.ciphertext.toString('hex'))).size, rows.length);
});

test('altered ciphertext, nonce or tag, and a row moved to another id, do not open', async () => {
  const tamper = {
    ciphertext: `update platform.secret set ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1) where id = $1`,
    nonce: `update platform.secret set nonce = set_byte(nonce, 5, get_byte(nonce, 5) # 1) where id = $1`,
    tag: `update platform.secret set tag = set_byte(tag, 15, get_byte(tag, 15) # 128) where id = $1`,
  };
  for (const [what, statement] of Object.entries(tamper)) {
    const id = await put(SECRET);
    await withClient(p.urls.root, (client) => client.query(statement, [id]));
    await assert.rejects(use(id), (e) => isAppError(e, 'SECRET_UNREADABLE'), what);
  }
  const [mine, theirs] = [await put('mine'), await put('theirs')];
  await withClient(p.urls.root, async (client) => {
    await client.query('delete from platform.secret where id = $1', [mine]);
    await client.query('update platform.secret set id = $1 where id = $2', [mine, theirs]);
  });
  await assert.rejects(use(mine), (e) => isAppError(e, 'SECRET_UNREADABLE'), 'swapped row');
});

test('the key is made once, 0600, and one that others can read or that is no key is refused', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lastember-key-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const key = await loadVaultKey({ dataDir, vaultKeyFile: null });
  assert.equal(key.length, 32);
  assert.deepEqual(await loadVaultKey({ dataDir, vaultKeyFile: null }), key);
  const path = join(dataDir, 'vault.key');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await loadVaultKey({ dataDir: '/nowhere', vaultKeyFile: path }), key);
  await chmod(path, 0o640);
  await assert.rejects(loadVaultKey({ dataDir, vaultKeyFile: path }), (e) => isAppError(e, 'VAULT_KEY_INVALID'));
  await chmod(path, 0o600);
  await writeFile(path, (await readFile(path, 'utf8')).slice(4));
  await assert.rejects(loadVaultKey({ dataDir, vaultKeyFile: path }), (e) => isAppError(e, 'VAULT_KEY_INVALID'));
  await assert.rejects(loadVaultKey({ dataDir, vaultKeyFile: '/nowhere/key' }), (e) =>
    isAppError(e, 'VAULT_KEY_INVALID'),
  );
});

test('a server with another key than the first one is refused', async () => {
  await assert.rejects(checkVaultKey(p.db, Buffer.alloc(32, 7)), (e) => isAppError(e, 'VAULT_KEY_OTHER'));
});
