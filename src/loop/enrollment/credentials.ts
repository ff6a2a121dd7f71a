import ssh2 from 'ssh2';
import type { Actor } from '../../model/actor.ts';
import type { Credential, CredentialInput } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { credentialInUse } from './store-access.ts';
import { mayBeTriedUnnamed, readBound } from './logic/binding.ts';
import { isOnce } from './logic/once.ts';
import {
  credentialByName,
  credentials,
  deleteCredential,
  insertCredential,
  type CredentialRow,
  type Via,
} from './store-login.ts';

/** `hop`: how the bastion and its login are called. */
const toCredential = (row: CredentialRow, hop: string | null): Credential => ({
  id: row.id,
  name: row.name,
  username: row.username,
  kind: row.kind,
  become: row.become,
  for: row.bound_to,
  via: hop,
  triedUnnamed: mayBeTriedUnnamed(row),
  createdAt: row.created_at.toISOString(),
  createdBy: row.created_by,
});

export async function listCredentials(platform: Platform, discovery: Discovery): Promise<Credential[]> {
  const rows = await credentials(platform.db);
  const ids = rows.flatMap(({ via }) => via?.hostId ?? []);
  const hosts = ids.length > 0 ? await discovery.hosts({ ids }) : [];
  const hopOf = ({ via }: CredentialRow): string | null =>
    via &&
    `${rows.find((row) => row.id === via.credentialId)?.name ?? '?'}@${hosts.find((host) => host.id === via.hostId)?.name ?? via.hostId}`;
  return rows.map((row) => toCredential(row, hopOf(row)));
}

export async function addCredential(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  input: CredentialInput,
): Promise<Credential> {
  if (input.kind === 'private-key') checkKey(input.name, input.privateKey, input.passphrase);
  if (input.kind === 'ssh-agent') await checkAgent(input.name, input.socket);
  if (await credentialByName(platform.db, input.name)) throw new AppError('CREDENTIAL_EXISTS', { name: input.name });
  const bound = await boundsOf(discovery, input);
  const via = await viaOf(platform, discovery, input);
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
        ...(input.kind === 'ssh-agent' ? { socket: input.socket } : {}),
        ...(input.via ? { via: `${input.via.credential}@${input.via.host}` } : {}),
      },
    },
    async (tx) => {
      const own = input.kind === 'password' ? input.password : input.kind === 'private-key' ? input.privateKey : null;
      const secret = own === null ? null : await platform.vault.put(tx, own);
      const passphrase =
        input.kind === 'private-key' && input.passphrase ? await platform.vault.put(tx, input.passphrase) : null;
      const made: CredentialRow = {
        id,
        name: input.name,
        username: input.username,
        kind: input.kind,
        secret_id: secret,
        socket: input.kind === 'ssh-agent' ? input.socket : null,
        passphrase_id: passphrase,
        become: input.become ?? null,
        become_id: input.becomePassword ? await platform.vault.put(tx, input.becomePassword) : null,
        bound_to: bound,
        via,
        created_at: tx.now,
        created_by: actor.name,
      };
      await insertCredential(tx.db, made);
      return made;
    },
  );
  return toCredential(row, input.via ? `${input.via.credential}@${input.via.host}` : null);
}

/** The bastion has to be a host that we know, and its login one that is there: both are kept by id. */
async function viaOf(platform: Platform, discovery: Discovery, { name, via }: CredentialInput): Promise<Via | null> {
  if (!via) return null;
  const [hostId] = await hostsCalled(discovery, name, [via.host]);
  const login = await credentialByName(platform.db, via.credential);
  if (!login || isOnce(login.name))
    throw new AppError('NOT_FOUND', { what: 'credential', id: via.credential, list: 'credential list' });
  return { hostId: hostId!, credentialId: login.id };
}

/** As they are kept: hosts by id, whoever has the name later. */
async function boundsOf(discovery: Discovery, { name, for: given = [] }: CredentialInput): Promise<string[]> {
  const bounds = [...new Set(given.map((text) => text.trim()))].map(readBound);
  const named = bounds.flatMap(({ kind, text }) => (kind === 'host' ? [text] : []));
  const ids = await hostsCalled(discovery, name, named);
  return bounds.map(({ kind, text }) => (kind === 'host' ? ids[named.indexOf(text)]! : text));
}

/** Ids of hosts that somebody named, in the same order. */
async function hostsCalled(discovery: Discovery, name: string, named: string[]): Promise<string[]> {
  const hosts = named.length > 0 ? await discovery.hosts() : [];
  return named.map((text) => {
    const found = hosts.filter((host) => host.id === text || host.name === text || host.addresses.includes(text));
    if (found.length === 1) return found[0]!.id;
    const why = found.length === 0 ? 'there is no such host' : 'several hosts are called that; take the id';
    throw new AppError('CREDENTIAL_BOUND_INVALID', { name, bound: text, why });
  });
}

/** Asked now, so that a wrong path is not found out on the first host. */
async function checkAgent(name: string, socket: string): Promise<void> {
  const keys = await new Promise<string | number>((resolve) => {
    const agent = new ssh2.OpenSSHAgent(socket);
    agent.getIdentities((error, some) => resolve(error ? error.message : (some?.length ?? 0)));
  });
  if (typeof keys === 'string') throw new AppError('CREDENTIAL_AGENT', { name, socket, why: keys });
  if (keys === 0) throw new AppError('CREDENTIAL_AGENT', { name, socket, why: 'it holds no key' });
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
  const through = (await credentials(platform.db)).find(({ via }) => via?.credentialId === row.id);
  if (through) throw new AppError('CREDENTIAL_IS_BASTION', { name, other: through.name });
  await platform.act(
    actor,
    { type: 'enrollment.credential.removed', subject: { kind: 'credential', id: row.id, name }, detail: { name } },
    async (tx) => {
      await deleteCredential(tx.db, row.id);
      for (const id of [row.secret_id, row.passphrase_id, row.become_id]) if (id) await platform.vault.remove(tx, id);
    },
  );
}
