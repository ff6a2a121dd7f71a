import ipaddr from 'ipaddr.js';
import { rangeOf } from './binding.ts';

/** What of a token decides whether it may be used. */
export interface Spendable {
  expires_at: Date;
  uses: number;
  used: number;
  bound_to: string | null;
  revoked_at: Date | null;
}

/** Why this token enrolls nobody now, in words that go on after "was refused: it"; null: it does. */
export function whyNot(token: Spendable | undefined, now: Date): string | null {
  if (!token) return 'is unknown';
  if (token.revoked_at) return `was revoked at ${token.revoked_at.toISOString()}`;
  if (token.used >= token.uses) return token.uses === 1 ? 'was used already' : `was used ${token.uses} times already`;
  return token.expires_at <= now ? `was good until ${token.expires_at.toISOString()}` : null;
}

/** A token is for agents (null), or for the scanners of one site; for the other it is no token. */
export function whyNotFor(site: string | null, wanted: string | null): string | null {
  if (site === wanted) return null;
  return site === null ? 'is for agents' : `is for a scanner of site ${site}`;
}

/** May be used from there? The address is the one that calls us, and nothing that the host says of itself. */
export function isWithin(network: string | null, address: string): boolean {
  if (network === null) return true;
  const range = rangeOf(network);
  if (!range || !ipaddr.isValid(address)) return false;
  const at = ipaddr.process(address);
  return at.kind() === range[0].kind() && at.match(range);
}
