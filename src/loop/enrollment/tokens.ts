import type { Actor } from '../../model/actor.ts';
import type { EnrollmentToken, EnrollmentTokenInput, NewEnrollmentToken } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { mintToken } from './enroll.ts';
import { cloudInit, oneLine } from './installer/line.ts';
import { agentConfig, installer } from './installer/script.ts';
import { rangeOf } from './logic/binding.ts';
import { endToken, handTokens, type TokenRow } from './store-tokens.ts';

function stateOf(row: TokenRow, now: Date): EnrollmentToken['state'] {
  if (row.revoked_at) return 'revoked';
  if (row.used >= row.uses) return 'used';
  return row.expires_at <= now ? 'expired' : 'good';
}

const toToken = (row: TokenRow, now: Date): EnrollmentToken => ({
  id: row.id,
  state: stateOf(row, now),
  expiresAt: row.expires_at.toISOString(),
  uses: row.uses,
  used: row.used,
  for: row.bound_to,
  tags: row.tags,
  site: row.site,
  createdAt: row.created_at.toISOString(),
  createdBy: row.created_by,
});

export async function listTokens(platform: Platform): Promise<EnrollmentToken[]> {
  return (await handTokens(platform.db)).map((row) => toToken(row, platform.now()));
}

/** A token, and the ways to use it, each with what proves this server to the host. */
export async function createToken(
  platform: Platform,
  actor: Actor,
  input: EnrollmentTokenInput,
): Promise<NewEnrollmentToken> {
  const network = input.for?.trim() ?? null;
  if (network !== null && !rangeOf(network)) throw new AppError('TOKEN_NETWORK_INVALID', { network });
  // First of all: a token that nobody can use is not made.
  const script = await installer(platform);
  const detail = { minutes: input.minutes, uses: input.uses, for: network, tags: input.tags };
  const entry = { type: 'enrollment.token.made', subject: { kind: 'token' as const, id: 'enrollment' }, detail };
  const options = { hostId: null, minutes: input.minutes, uses: input.uses, network, tags: input.tags };
  const made = await platform.act(actor, entry, async (tx, draft) => {
    const minted = await mintToken(platform, tx, options);
    draft.subject = { kind: 'token', id: minted.id };
    return { ...minted, now: tx.now };
  });
  const server = platform.config.agentAddress;
  return {
    id: made.id,
    state: 'good',
    expiresAt: made.expiresAt,
    uses: input.uses,
    used: 0,
    for: network,
    tags: input.tags,
    site: null,
    createdAt: made.now.toISOString(),
    createdBy: actor.id,
    token: made.token,
    server,
    line: oneLine({ server, sha256: script.sha256, token: made.token }),
    cloudInit: cloudInit({ server, ca: script.ca, token: made.token }),
    config: agentConfig({ server, ca: script.ca, token: made.token }),
  };
}

/** Nobody enrolls with it from now on; agents that did stay. */
export async function revokeToken(platform: Platform, actor: Actor, id: string): Promise<void> {
  const known = (await handTokens(platform.db)).find((row) => row.id === id);
  if (!known) throw new AppError('NOT_FOUND', { what: 'enrollment token', id, list: 'enroll-token list' });
  if (known.revoked_at) return;
  const subject = { kind: 'token' as const, id };
  const detail = { uses: known.uses, used: known.used };
  await platform.act(actor, { type: 'enrollment.token.revoked', subject, detail }, (tx) => endToken(tx.db, id, tx.now));
}
