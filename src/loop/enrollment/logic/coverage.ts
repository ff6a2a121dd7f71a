import type { Coverage } from '../../../model/deployment.ts';
import type { Host } from '../../../model/estate.ts';

const HOUR_MS = 3_600_000;

/** A part of the estate that is counted by itself. */
export interface Segment {
  kind: Coverage['kind'];
  name: string;
  /** hours from discovered to managed */
  within: number;
  holds(host: Host): boolean;
}

export interface Managed {
  /** when the host was managed for the first time */
  since: ReadonlyMap<string, Date>;
  /** hosts that are looked after over SSH now */
  agentless: ReadonlySet<string>;
}

/**
 * How a segment stands at `now`. A record that another one took the place of is no host any more, and an address that
 * several have is none.
 */
export function coverageOf(segment: Segment, hosts: readonly Host[], managed: Managed, now: Date): Coverage {
  const all = hosts.filter((host) => host.presence !== 'superseded' && !host.shared && segment.holds(host));
  const counted = all.filter((host) => host.claim !== 'ignored');
  const are = (state: Host['management']): Host[] => counted.filter((host) => host.management === state);
  const took = counted.flatMap((host) => {
    const since = managed.since.get(host.id);
    return since ? [Math.max(0, hoursBetween(host.firstSeen, since))] : [];
  });
  const overdue = counted
    .filter((host) => host.management !== 'managed')
    // One that was managed and is lost has been without since then; nobody knows better than by its last sight.
    .map((host) => ({ host, hours: hoursBetween(host.management === 'lost' ? host.lastSeen : host.firstSeen, now) }))
    .filter(({ host, hours }) => host.management === 'lost' || hours > segment.within)
    .toSorted((a, b) => b.hours - a.hours);
  const never = overdue.filter(({ host }) => !managed.since.has(host.id)).length;
  const inTime = took.filter((hours) => hours <= segment.within).length;
  return {
    kind: segment.kind,
    name: segment.name,
    hosts: counted.length,
    managed: are('managed').length,
    agentless: are('managed').filter((host) => managed.agentless.has(host.id)).length,
    unmanaged: are('unmanaged').length,
    unmanageable: are('unmanageable').length,
    lost: are('lost').length,
    ignored: all.length - counted.length,
    within: segment.within,
    kept: took.length + never === 0 ? null : inTime / (took.length + never),
    median: quantile(took, 0.5),
    p95: quantile(took, 0.95),
    overdue: overdue.map(({ host, hours }) => ({
      hostId: host.id,
      name: host.name,
      hours: round(hours),
      why: host.note,
    })),
  };
}

const hoursBetween = (from: string, to: Date): number => (to.getTime() - Date.parse(from)) / HOUR_MS;
const round = (hours: number): number => Math.round(hours * 100) / 100;

/** The smallest value that at least this share of them does not exceed. */
function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!);
}
