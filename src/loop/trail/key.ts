import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { systemActor } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { keyName, rawPublicKey, verifierKey } from './logic/note.ts';
import { insertKey, lockSequencer, readKey, type TrailTables } from './store.ts';

/** A key is never changed once made: asked for at every batch and every look of an agent, it is read once. */
const KEYS = new WeakMap<Platform, TrailTables['trail.key']>();

/**
 * The key that signs checkpoints: made once, its private part in the vault, so that whoever can write the database
 * alone cannot sign a history of their own.
 */
export async function trailKey(platform: Platform): Promise<TrailTables['trail.key']> {
  const known = KEYS.get(platform);
  if (known) return known;
  const key = (await readKey(platform.db)) ?? (await makeKey(platform));
  KEYS.set(platform, key);
  return key;
}

async function makeKey(platform: Platform): Promise<TrailTables['trail.key']> {
  await platform.observe(systemActor('trail'), async (tx) => {
    // Several servers may start at once: one makes the key, the others find it.
    await lockSequencer(tx.db);
    if (await readKey(tx.db)) return;
    const { privateKey } = generateKeyPairSync('ed25519');
    const name = keyName(platform.config.checkpointOrigin);
    const publicKey = rawPublicKey(privateKey);
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const secret = await platform.vault.put(tx, pem);
    await insertKey(tx.db, { id: 1, name, public_key: publicKey, secret_id: secret, created_at: tx.now });
    await tx.record({
      type: 'trail.key.made',
      subject: { kind: 'system', id: 'trail', name },
      detail: { verifierKey: verifierKey(name, publicKey) },
    });
  });
  return (await readKey(platform.db))!;
}

export async function verifierLine(platform: Platform): Promise<string> {
  const key = await trailKey(platform);
  return verifierKey(key.name, key.public_key);
}

export async function withSigner<T>(
  platform: Platform,
  use: (signer: { name: string; publicKey: Buffer; privateKey: KeyObject }) => Promise<T>,
): Promise<T> {
  const key = await trailKey(platform);
  return platform.vault.use(key.secret_id, (pem) =>
    use({ name: key.name, publicKey: key.public_key, privateKey: createPrivateKey(pem) }),
  );
}
