import { randomBytes } from 'node:crypto';
import { systemActor } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { createAuthority, type Authority } from './logic/certificates.ts';
import { insertAuthority, readAuthority } from './store.ts';

/** Positive, 127 bits: RFC 5280 §4.1.2.2 wants at most 20 octets, unpredictable. */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** The agents' authority: made once, its key in the vault. Only `use` sees the key. */
export async function withAuthority<T>(platform: Platform, use: (authority: Authority) => Promise<T>): Promise<T> {
  const row = await authorityRow(platform);
  return platform.vault.use(row.secret_id, (key) => use({ certificate: row.certificate, key }));
}

const authorityRow = async (platform: Platform): Promise<{ certificate: string; secret_id: string }> =>
  (await readAuthority(platform.db)) ?? makeAuthority(platform);

async function makeAuthority(platform: Platform): Promise<{ certificate: string; secret_id: string }> {
  const authority = await createAuthority(platform.now(), newSerial());
  const subject = { kind: 'authority' as const, id: 'agents', name: 'Lastember agent authority' };
  await platform.act(
    systemActor('enrollment'),
    { type: 'enrollment.authority.made', subject, detail: { certificate: authority.certificate } },
    async (tx) => {
      const secret = await platform.vault.put(tx, authority.key);
      await insertAuthority(tx.db, { certificate: authority.certificate, secret_id: secret, created_at: tx.now });
    },
  );
  // Another server may have been faster: what stands in the table counts.
  return (await readAuthority(platform.db))!;
}

export async function authorityCertificate(platform: Platform): Promise<string> {
  return (await authorityRow(platform)).certificate;
}
