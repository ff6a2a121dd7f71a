import { createHash, randomBytes } from 'node:crypto';
import type { Actor } from '../../model/actor.ts';
import type { EnrollReply, EnrollRequest } from '../../model/agent.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Identifier } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { authorityCertificate, newSerial, withAuthority } from './authority.ts';
import { issueAgent, readRequest, type Issued } from './logic/certificates.ts';
import { isWithin, whyNot, whyNotFor } from './logic/token.ts';
import { loseReplaced } from './presence.ts';
import { CERTIFICATE_DAYS } from './renew.ts';
import { insertAgent, insertCertificate, revokeOthers } from './store.ts';
import { deleteAccess } from './store-access.ts';
import { doubledBy, reportingElsewhere } from './store-leaving.ts';
import {
  agentOfToken,
  insertToken,
  lockToken,
  setRefused,
  spendToken,
  tokenByHash,
  type TokenRow,
} from './store-tokens.ts';

export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export interface TokenOptions {
  /** the host it is for, where that is known */
  hostId: string | null;
  minutes: number;
  /** how many hosts may use it; one unless told otherwise */
  uses?: number;
  /** the network that they call from */
  network?: string | null;
  /** given to each of them */
  tags?: Record<string, string>;
  /** it is for scanners of this site, and for no agent */
  site?: string;
}

/** Makes a token inside `tx`; the plaintext is returned once and stored nowhere. */
export async function mintToken(
  platform: Platform,
  tx: Tx,
  options: TokenOptions,
): Promise<{ token: string; id: string; expiresAt: string }> {
  const token = `lee_${randomBytes(24).toString('base64url')}`;
  const id = platform.newId('etok');
  const expires = new Date(tx.now.getTime() + options.minutes * 60_000);
  await insertToken(tx.db, {
    id,
    hash: hashOf(token),
    host_id: options.hostId,
    expires_at: expires,
    created_at: tx.now,
    created_by: tx.actor.id,
    uses: options.uses ?? 1,
    bound_to: options.network ?? null,
    tags: options.tags ?? {},
    site: options.site ?? null,
  });
  return { token, id, expiresAt: expires.toISOString() };
}

/** Whose agent was heard of this lately is there. */
const REPORTING_MS = 180_000;

interface Accepted {
  agentId: string;
  hostId: string;
  certificate: string;
}

/** An agent shows a token and a certificate request; a good token makes it this host's agent. */
export async function enroll(
  platform: Platform,
  discovery: Discovery,
  checkpointKey: () => Promise<string>,
  body: EnrollRequest,
  ip: string,
): Promise<EnrollReply> {
  // Anybody may call here: who has no token costs us one look into the table.
  const told = await tokenByHash(platform.db, hashOf(body.token));
  // One that was used may be shown again by the agent that it made.
  if (!told?.used) mustBeGood(told, platform.now(), ip);
  const request = await readRequest(body.csr);
  if (!request) throw new AppError('ENROLL_REQUEST_INVALID');
  const shared = await doubledBy(platform.db, request.publicKey);
  if (shared !== null) throw new AppError('ENROLL_KEY_SHARED', { agent: shared });
  const agentId = platform.newId('agent');
  const approverKeys = await platform.approverKeys();
  // Made before the transaction, if it is the first time.
  const ca = await authorityCertificate(platform);
  const actor: Actor = { kind: 'agent', id: agentId, name: body.hostname, ip };
  const accepted = await admit(platform, discovery, {
    actor,
    body,
    publicKey: request.publicKey,
    sign: () => sign(platform, agentId, request.request),
    keyIds: approverKeys.map((key) => key.keyId),
  }).catch(async (error: unknown) => {
    if (isAppError(error)) await writeDown(platform, actor, told.id, error);
    throw error;
  });
  await loseReplaced(platform, discovery, accepted.hostId);
  return { ...accepted, ca, approverKeys, checkpointKey: await checkpointKey() };
}

/** On the trail once for each token: who has one may call as often as it likes. */
export async function writeDown(
  platform: Platform,
  actor: Actor,
  tokenId: string,
  { code, message }: AppError,
): Promise<void> {
  await platform.observe(actor, async (tx) => {
    if (!(await setRefused(tx.db, tokenId, message))) return;
    const subject = { kind: 'token' as const, id: tokenId };
    const type = actor.kind === 'scanner' ? 'enrollment.scanner.refused' : 'enrollment.agent.refused';
    await tx.record({ type, subject, detail: { code, why: message } });
  });
}

/** Whoever has the token may be told what is wrong with it. */
export function mustBeGood(
  token: TokenRow | undefined,
  now: Date,
  address: string,
  site: string | null = null,
): asserts token is TokenRow {
  const why = whyNot(token, now) ?? whyNotFor(token?.site ?? null, site);
  if (!token || why !== null) throw new AppError('ENROLL_TOKEN_REFUSED', { why: why ?? 'is unknown' });
  if (!isWithin(token.bound_to, address))
    throw new AppError('ENROLL_TOKEN_ELSEWHERE', { network: token.bound_to ?? '', address });
}

const sign = (platform: Platform, id: string, request: Parameters<typeof issueAgent>[1]): Promise<Issued> =>
  withAuthority(platform, (authority) =>
    issueAgent(authority, request, { id, serial: newSerial(), now: platform.now(), days: CERTIFICATE_DAYS }),
  );

interface Admission {
  actor: Actor;
  body: EnrollRequest;
  publicKey: string;
  /** called once the token is known to be good, and held */
  sign: () => Promise<Issued>;
  keyIds: string[];
}

async function admit(platform: Platform, discovery: Discovery, admission: Admission): Promise<Accepted> {
  const { actor, body, publicKey, keyIds } = admission;
  return platform.observe(actor, async (tx) => {
    const token = await lockToken(tx.db, hashOf(body.token));
    const again = token ? await agentOfToken(tx.db, token.id, publicKey) : undefined;
    // Our reply was lost on the way: the same key may have the same certificate again.
    if (again && again.state !== 'revoked')
      return { agentId: again.id, hostId: again.host_id, certificate: again.certificate };
    mustBeGood(token, tx.now, actor.ip ?? '');
    const hostId = await discovery.attachAgent(tx, {
      agentId: actor.id,
      version: body.version,
      hostname: body.hostname,
      identifiers: identifiersOf(body, publicKey),
      addresses: body.addresses,
      expectedHostId: token.host_id,
      reporting: (hostIds) =>
        reportingElsewhere(tx.db, hostIds, body.bootId ?? null, new Date(tx.now.getTime() - REPORTING_MS)),
    });
    if (token.host_id === null) await mustBeFree(tx, hostId, body);
    await spendToken(tx.db, token.id, publicKey, tx.now);
    await discovery.addTags(tx, hostId, token.tags);
    const issued = await admission.sign();
    const replaced = await revokeOthers(tx.db, hostId);
    // Its agent looks from now on; two that do would contradict each other.
    await deleteAccess(tx.db, hostId);
    await insertAgent(tx.db, {
      id: actor.id,
      host_id: hostId,
      public_key: publicKey,
      certificate: issued.certificate,
      state: 'active',
      approver_key_ids: keyIds,
      enrolled_at: tx.now,
      token_id: token.id,
    });
    await insertCertificate(tx.db, actor.id, issued, tx.now, CERTIFICATE_DAYS);
    await tx.record({
      type: 'enrollment.agent.enrolled',
      subject: { kind: 'agent', id: actor.id, name: body.hostname },
      related: [{ kind: 'host', id: hostId, name: body.hostname }],
      detail: {
        hostName: body.hostname,
        agentId: actor.id,
        version: body.version,
        platform: body.platform,
        fingerprint: issued.fingerprint,
        publicKey,
        approverKeyIds: keyIds,
        replaced,
        token: token.id,
      },
    });
    await tx.publish('agents', { agentId: actor.id, hostId });
    return { agentId: actor.id, hostId, certificate: issued.certificate };
  });
}

/**
 * Names, addresses and SSH host keys are for anybody to say. Where an agent reports, only who deploys to that very host
 * may put another in its place; the machine itself, installed anew, has the boot of the agent that it had.
 */
async function mustBeFree(tx: Tx, hostId: string, body: EnrollRequest): Promise<void> {
  const since = new Date(tx.now.getTime() - REPORTING_MS);
  if ((await reportingElsewhere(tx.db, [hostId], body.bootId ?? null, since)).has(hostId))
    throw new AppError('ENROLL_HOST_TAKEN', { host: body.hostname, minutes: REPORTING_MS / 60_000 });
}

function identifiersOf(body: EnrollRequest, publicKey: string): Identifier[] {
  return [
    { kind: 'agent-key', value: publicKey },
    ...(body.machineId ? [{ kind: 'machine-id' as const, value: body.machineId }] : []),
    ...body.sshHostKeys.map((value) => ({ kind: 'ssh-host-key' as const, value })),
  ];
}
