import type { Actor, Role } from '../../model/actor.ts';
import type { ApiToken, RegisteredKey } from '../../model/auth.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../context.ts';
import { mayHold } from './identify.ts';
import { approverKeyId, hashSecret, newSecret } from './secrets.ts';
import {
  insertKey,
  insertToken,
  isTaken,
  keys,
  liveToken,
  personById,
  revokeKey,
  revokeToken,
  tokenById,
  type TokenRow,
  tokens,
} from './store.ts';

/** A token acts for a person; the secret is returned once. One that is made with a token ends with that, or before. */
export async function addToken(
  platform: Platform,
  actor: Actor,
  input: { name: string; role: Role; days: number | null; local?: boolean },
  person: { id: string; name: string; role: Role },
): Promise<{ secret: string; id: string }> {
  if (!mayHold(input.role, person.role)) throw new AppError('ROLE_TOO_HIGH', { role: input.role, own: person.role });
  const secret = newSecret('lemb_');
  const id = platform.newId('tok');
  const parent = await parentOf(platform, actor);
  const detail = { role: input.role, person: person.id, personName: person.name, days: input.days };
  const entry = {
    type: 'auth.token.created',
    subject: { kind: 'token' as const, id, name: input.name },
    detail: parent ? { ...detail, madeWith: parent.id } : detail,
  };
  await platform.act(actor, entry, (tx) => {
    const wanted = input.days === null ? null : new Date(tx.now.getTime() + input.days * 86_400_000);
    return insertToken(tx.db, {
      id,
      name: input.name,
      hash: hashSecret(secret),
      person_id: person.id,
      role: input.role,
      created_at: tx.now,
      expires_at: earlier(wanted, parent?.expires_at ?? null),
      revoked_at: null,
      parent_id: parent?.id ?? null,
      local: input.local ?? false,
    });
  });
  return { secret, id };
}

/** The token that the request came with; not the local command line's, which ends whenever the server stops. */
async function parentOf(platform: Platform, actor: Actor): Promise<TokenRow | null> {
  const token = actor.tokenId === undefined ? undefined : await tokenById(platform.db, actor.tokenId);
  return token && !token.local ? token : null;
}

const earlier = (a: Date | null, b: Date | null): Date | null => (a && b ? (a < b ? a : b) : (a ?? b));

/** One's own; an administrator sees everybody's. */
export async function listTokens(platform: Platform, actor: Actor): Promise<ApiToken[]> {
  const rows = await tokens(platform.db);
  const mine = rows.filter((row) => actor.role === 'admin' || row.person_id === actor.id);
  return mine.map((row) => ({
    id: row.id,
    name: row.name,
    person: row.person_name,
    role: row.role,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revoked: row.revoked_at !== null,
  }));
}

export async function endToken(platform: Platform, actor: Actor, id: string): Promise<void> {
  const token = (await tokens(platform.db)).find((row) => row.id === id && row.revoked_at === null);
  const mine = token && (actor.role === 'admin' || token.person_id === actor.id);
  if (!mine) throw new AppError('NOT_FOUND', { what: 'live token', id, list: 'token list' });
  await end(platform, actor, token);
}

/** Ends the token with this secret, if it is still good. */
export async function endSecret(platform: Platform, actor: Actor, secret: string): Promise<void> {
  const token = await liveToken(platform.db, hashSecret(secret), platform.now());
  if (token) await end(platform, actor, token);
}

/** With all that were made with it. */
async function end(platform: Platform, actor: Actor, token: TokenRow & { person_name: string }): Promise<void> {
  const subject = { kind: 'token' as const, id: token.id, name: token.name };
  const detail = { person: token.person_name };
  await platform.act(actor, { type: 'auth.token.revoked', subject, detail }, async (tx, entry) => {
    const others = await revokeToken(tx.db, token.id, tx.now);
    if (others.length > 0) entry.detail = { ...detail, madeWithIt: others };
  });
}

/** A person registers their own key, only the public half of it. */
export async function addKey(
  platform: Platform,
  actor: Actor,
  input: { name: string; publicKey: string },
): Promise<RegisteredKey> {
  const keyId = approverKeyId(input.publicKey);
  if (!keyId) throw new AppError('KEY_INVALID');
  const person = await personById(platform.db, actor.id);
  if (!person || (person.role !== 'approver' && person.role !== 'admin'))
    throw new AppError('KEY_ROLE', { role: person?.role ?? 'none' });
  const entry = {
    type: 'auth.key.added',
    subject: { kind: 'key' as const, id: keyId, name: input.name },
    detail: { keyId, person: person.name, publicKey: input.publicKey },
  };
  const row = { key_id: keyId, person_id: person.id, name: input.name, public_key: input.publicKey };
  const createdAt = await platform
    .act(actor, entry, async (tx) => {
      await insertKey(tx.db, { ...row, created_at: tx.now, revoked_at: null });
      return tx.now;
    })
    .catch((cause: unknown) => {
      throw isTaken(cause) ? new AppError('KEY_EXISTS', { keyId }, { cause }) : cause;
    });
  return {
    keyId,
    name: input.name,
    person: person.id,
    personName: person.name,
    publicKey: input.publicKey,
    createdAt: createdAt.toISOString(),
    revoked: false,
  };
}

export async function listKeys(platform: Platform): Promise<RegisteredKey[]> {
  return (await keys(platform.db)).map((row) => ({
    keyId: row.key_id,
    name: row.name,
    person: row.person_id,
    personName: row.person_name,
    publicKey: row.public_key,
    createdAt: row.created_at.toISOString(),
    revoked: row.revoked_at !== null,
  }));
}

/** Their owner or an administrator ends a key; approvals it gave stay on the trail. */
export async function endKey(platform: Platform, actor: Actor, keyId: string): Promise<void> {
  const key = (await keys(platform.db)).find((row) => row.key_id === keyId && row.revoked_at === null);
  if (!key) throw new AppError('NOT_FOUND', { what: 'live key', id: keyId, list: 'key list' });
  if (key.person_id !== actor.id && actor.role !== 'admin')
    throw new AppError('FORBIDDEN', { role: actor.role ?? 'none', needs: 'the owner of the key or an admin' });
  await platform.act(
    actor,
    { type: 'auth.key.revoked', subject: { kind: 'key', id: keyId, name: key.name }, detail: { keyId } },
    async (tx) => {
      await revokeKey(tx.db, keyId, tx.now);
    },
  );
}
