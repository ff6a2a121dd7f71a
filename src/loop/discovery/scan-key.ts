import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { systemActor } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { q } from './tables.ts';

interface ScanKey {
  /** base64 of the 32 bytes of an Ed25519 key: what other servers are given to believe our files */
  publicKey: string;
  secretId: string;
}

/** Made at the first file. Whoever can only write the database cannot sign: the private part is in the vault. */
export async function scanKey(platform: Platform): Promise<ScanKey> {
  return (await readKey(platform)) ?? makeKey(platform);
}

async function readKey({ db }: Pick<Platform, 'db'>): Promise<ScanKey | null> {
  const row = await q(db).selectFrom('discovery.scan_key').selectAll().executeTakeFirst();
  return row ? { publicKey: row.public_key.toString('base64'), secretId: row.secret_id } : null;
}

async function makeKey(platform: Platform): Promise<ScanKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
  await platform.observe(systemActor('scan files'), async (tx) => {
    const secretId = await platform.vault.put(tx, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    const made = await q(tx.db)
      .insertInto('discovery.scan_key')
      .values({ id: 1, public_key: raw, secret_id: secretId, created_at: tx.now })
      .onConflict((c) => c.doNothing())
      .returning('id')
      .executeTakeFirst();
    // Another server was a moment earlier: its key counts.
    if (!made) return platform.vault.remove(tx, secretId);
    await tx.record({
      type: 'discovery.scan-key.made',
      subject: { kind: 'system', id: 'scan-key', name: 'scan files' },
      detail: { key: raw.toString('base64') },
    });
  });
  return (await readKey(platform))!;
}

/** Signs with it; base64. */
export async function signScan(platform: Platform, bytes: Buffer): Promise<{ key: string; signature: string }> {
  const { publicKey, secretId } = await scanKey(platform);
  const signature = await platform.vault.use(secretId, async (pem) => sign(null, bytes, createPrivateKey(pem)));
  return { key: publicKey, signature: signature.toString('base64') };
}

export function publicKeyOf(base64: string) {
  const x = Buffer.from(base64, 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
