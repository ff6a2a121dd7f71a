import type { DeployRulePlan } from '../../../model/deployment.ts';
import type { Host } from '../../../model/estate.ts';
import { covers } from './binding.ts';

const RETRY_MS = 24 * 3_600_000;
/** What was installed and vanished goes back sooner, but not as often as somebody takes it off. */
const AGAIN_MS = 3_600_000;

/** What was tried on a host before. */
export interface Tried {
  /** it is part of a deployment that is not over */
  open: boolean;
  /** the last time that somebody began */
  at: Date | null;
  /** the last time that somebody began and it worked */
  done: Date | null;
}

/**
 * Hosts that a rule wants an agent on now, those that have waited longest first: in its segment, not set aside, there
 * at the last scan, without an agent (or with one that vanished, where the rule says so), and not tried within a day; within an hour if that worked.
 */
export function wantedBy(
  rule: Pick<DeployRulePlan, 'where' | 'redeploy'>,
  hosts: readonly Host[],
  tried: ReadonlyMap<string, Tried>,
  now: Date,
): Host[] {
  return hosts
    .filter((host) => isOpen(host, rule.redeploy) && isWithin(rule, host))
    .filter((host) => {
      const before = tried.get(host.id);
      return !before || (!before.open && isRested(before, now));
    })
    .toSorted((a, b) => (a.firstSeen < b.firstSeen ? -1 : a.firstSeen > b.firstSeen ? 1 : a.id < b.id ? -1 : 1));
}

function isRested({ at, done }: Tried, now: Date): boolean {
  if (at === null) return true;
  const rest = done !== null && done >= at ? AGAIN_MS : RETRY_MS;
  return now.getTime() - at.getTime() >= rest;
}

export const isWithin = (rule: Pick<DeployRulePlan, 'where'>, host: Host): boolean =>
  host.addresses.some((address) => covers(rule.where, { hostId: host.id, address, tags: host.tags }));

function isOpen(host: Host, redeploy: boolean): boolean {
  if (host.claim === 'ignored' || host.shared || (host.presence ?? 'up') !== 'up') return false;
  return (
    host.management === 'unmanaged' || host.management === 'unmanageable' || (redeploy && host.management === 'lost')
  );
}
