import ssh2 from 'ssh2';
import type { Actor } from '../../model/actor.ts';
import type { Credential, CredentialInput } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { credentialInUse } from './store-access.ts';
import { mayBeTriedUnnamed, readBound } from './logic/binding.ts';
import {
  credentialByName,
  credentials,
  deleteCredential,
  insertCredential,
  type CredentialRow,
} from './store-deployment.ts';

const toCredential = (row: CredentialRow): Credential => ({
  id: row.id,
  name: row.name,
  username: row.username,
  kind: row.kind,
  become: row.become,
  for: row.bound_to,
  triedUnnamed: mayBeTriedUnnamed(row),
  createdAt: row.created_at.toISOString(),
  createdBy: row.created_by,
});

export async function listCredentials(platform: Platform): Promise<Credential[]> {
  return (await credentials(platform.db)).map(toCredential);
}

export async function addCredential(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  input: CredentialInput,
): Promise<Credential> {
  if (input.kind === 'private-key') checkKey(input.name, input.privateKey, input.passphrase);
  if (await credentialByName(platform.db, input.name)) throw new AppError('CREDENTIAL_EXISTS', { name: input.name });
  const bound = await boundsOf(discovery, input);
  const id = platform.newId('cred');
  const subject = { kind: 'credential' as const, id, name: input.name };
  const row = await platform.act(
    actor,
    {
      type: 'enrollment.credential.added',
      subject,
      detail: {
        name: input.name,
        username: input.username,
        kind: input.kind,
        become: input.become ?? null,
        for: bound,
      },
    },
    async (tx) => {
      const secret = await platform.vault.put(tx, input.kind === 'password' ? input.password : input.privateKey);
      const passphrase =
        input.kind === 'private-key' && input.passphrase ? await platform.vault.put(tx, input.passphrase) : null;
      const made: CredentialRow = {
        id,
        name: input.name,
        username: input.username,
        kind: input.kind,
        secret_id: secret,
        passphrase_id: passphrase,
        become: input.become ?? null,
        become_id: input.becomePassword ? await platform.vault.put(tx, input.becomePassword) : null,
        bound_to: bound,
        created_at: tx.now,
        created_by: actor.name,
      };
      await insertCredential(tx.db, made);
      return made;
    },
  );
  return toCredential(row);
}

/** As they are kept: hosts by id, whoever has the name later. */
async function boundsOf(discovery: Discovery, { name, for: given = [] }: CredentialInput): Promise<string[]> {
  const bounds = [...new Set(given.map((text) => text.trim()))].map(readBound);
  const hosts = bounds.some(({ kind }) => kind === 'host') ? await discovery.hosts() : [];
  return bounds.map(({ kind, text }) => {
    if (kind !== 'host') return text;
    const found = hosts.filter((host) => host.id === text || host.name === text);
    if (found.length === 1) return found[0]!.id;
    const why = found.length === 0 ? 'there is no such host' : 'several hosts are called that; take the id';
    throw new AppError('CREDENTIAL_BOUND_INVALID', { name, bound: text, why });
  });
}

function checkKey(name: string, key: string, passphrase: string | undefined): void {
  const parsed = ssh2.utils.parseKey(key, passphrase);
  if (parsed instanceof Error) throw new AppError('CREDENTIAL_KEY_INVALID', { name, why: parsed.message });
}

export async function removeCredential(platform: Platform, actor: Actor, name: string): Promise<void> {
  const row = await credentialByName(platform.db, name);
  if (!row) throw new AppError('NOT_FOUND', { what: 'credential', id: name, list: 'credential list' });
  const hosts = await credentialInUse(platform.db, row.id);
  if (hosts > 0) throw new AppError('CREDENTIAL_IN_USE', { name, hosts });
  await platform.act(
    actor,
    { type: 'enrollment.credential.removed', subject: { kind: 'credential', id: row.id, name }, detail: { name } },
    async (tx) => {
      await deleteCredential(tx.db, row.id);
      await platform.vault.remove(tx, row.secret_id);
      for (const id of [row.passphrase_id, row.become_id]) if (id) await platform.vault.remove(tx, id);
    },
  );
}
