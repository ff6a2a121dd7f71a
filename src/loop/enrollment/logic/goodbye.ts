import canonicalize from 'canonicalize';
import { createPublicKey, verify } from 'node:crypto';
import type { GoodbyeRequest } from '../../../model/agent.ts';

/** An order to leave that nobody followed for so long is none any more. */
const ORDER_MS = 3_600_000;

/** Did the agent itself say so? `publicKey`: base64, raw Ed25519. */
export function isGenuine({ statement, signature }: GoodbyeRequest, agentId: string, publicKey: string): boolean {
  if (statement.agentId !== agentId) return false;
  const raw = Buffer.from(publicKey, 'base64');
  const bytes = Buffer.from(signature, 'base64');
  if (raw.length !== 32 || bytes.length !== 64) return false;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
  return verify(null, Buffer.from(canonicalize(statement) ?? ''), key, bytes);
}

export const isOrdered = (order: { at: Date } | null, now: Date): boolean =>
  order !== null && now.getTime() - order.at.getTime() < ORDER_MS;
