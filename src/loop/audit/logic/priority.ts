import { LOCAL_SITE } from '../../../model/site.ts';
import type { PriorityFactor, VulnerabilitySeverity } from '../../../model/vulnerability.ts';

export interface Weighed {
  severity: VulnerabilitySeverity;
  /** the advisory that says so of all that it mends; null: feeds say it of the vulnerability itself */
  severity_by: string | null;
  exploited: boolean;
  ransomware: boolean;
  /** null: nobody says */
  epss: number | null;
  /** affected hosts, those of them where an affected package listens beyond the loopback, those whose owner says they matter */
  hosts: number;
  listening: number;
  /** those where a look from outside reached it, from which sites, and when last */
  reached: number;
  reached_from: readonly string[];
  reached_at: Date | null;
  important: number;
  /** addresses seen to connect to the one of them that most connect to */
  peers: number;
}

const SEVERITY: Readonly<Record<VulnerabilitySeverity, number>> = {
  critical: 10,
  high: 8,
  medium: 5,
  low: 2,
  info: 0.5,
  // Not knowing is no reason to put it last.
  unknown: 5,
};

/**
 * What to do first: the product of these factors, 0.5 to 1920. Each is at least 1 but for severity, so that not knowing
 * something makes nothing smaller.
 */
export function factorsOf(one: Weighed): PriorityFactor[] {
  return [
    {
      name: 'severity',
      why: severityInWords(one),
      times: SEVERITY[one.severity],
    },
    {
      name: 'exploited',
      why: one.ransomware
        ? 'known to be exploited, by ransomware too'
        : one.exploited
          ? 'known to be exploited'
          : 'not known to be exploited',
      times: one.ransomware ? 4 : one.exploited ? 3 : 1,
    },
    {
      name: 'likelihood',
      why:
        one.epss === null
          ? 'nobody estimates how likely an attack is'
          : `${percent(one.epss)} likely to be exploited within 30 days`,
      times: round(1 + 2 * (one.epss ?? 0)),
    },
    {
      name: 'exposure',
      why: `by the hosts’ own word it listens beyond the loopback on ${one.listening} of ${one.hosts}${unseen(one)}`,
      times: round(1 + share(one.listening, one.hosts)),
    },
    {
      name: 'reached',
      why: reachedInWords(one),
      times: round(1 + share(one.reached, one.hosts)),
    },
    {
      name: 'dependants',
      why:
        one.peers === 0
          ? 'nobody was seen to connect'
          : `up to ${one.peers} ${one.peers === 1 ? 'address was' : 'addresses were'} seen to connect`,
      times: round(1 + Math.min(1, Math.log10(1 + one.peers) / 3)),
    },
    {
      name: 'owner',
      why: `owners say of ${one.important} of ${one.hosts} that they matter`,
      times: one.important > 0 ? 2 : 1,
    },
  ];
}

function severityInWords({ severity, severity_by: by }: Weighed): string {
  if (severity === 'unknown') return 'no feed says how bad it is, so it counts as medium';
  return by === null ? `feeds say ${severity}` : `${by} says ${severity} of what it mends`;
}

function unseen({ listening, reached }: Weighed): string {
  if (listening <= reached) return '';
  return reached === 0 ? ', not seen from outside' : `, on ${listening - reached} of them not seen from outside`;
}

function reachedInWords({ reached, reached_from: from, reached_at: at, hosts }: Weighed): string {
  if (reached === 0) return 'no look from outside reached it';
  const sites = from.map((site) => (site === LOCAL_SITE ? 'this server' : `site ${site}`));
  const last = at === null ? '' : `, last on ${at.toISOString().slice(0, 10)}`;
  return `a look from outside reached it on ${reached} of ${hosts}: from ${sites.join(', ')}${last}`;
}

export const priorityOf = (factors: readonly PriorityFactor[]): number =>
  round(factors.reduce((product, { times }) => product * times, 1));

const share = (part: number, whole: number): number => (whole === 0 ? 0 : Math.min(1, part / whole));
const round = (value: number): number => Math.round(value * 100) / 100;
const percent = (value: number): string => `${round(value * 100)} %`;

/** Feeds word it as they like, some with a score behind the word. */
export function severityOf(urgencies: readonly (string | null)[]): VulnerabilitySeverity {
  const told = new Set(urgencies.map((one) => WORDS[/^[a-z]+/.exec((one ?? '').toLowerCase())?.[0] ?? '']));
  return (['critical', 'high', 'medium', 'low', 'info'] as const).find((one) => told.has(one)) ?? 'unknown';
}

const WORDS: Readonly<Record<string, VulnerabilitySeverity>> = {
  critical: 'critical',
  high: 'high',
  important: 'high',
  medium: 'medium',
  moderate: 'medium',
  low: 'low',
  negligible: 'info',
  unimportant: 'info',
  info: 'info',
};

/** The tags by which owners say that a host matters: `criticality=high`, `env=prod`. */
export const IMPORTANT_TAGS: readonly { key: string; value: string }[] = [
  { key: 'criticality', value: 'high' },
  { key: 'env', value: 'prod' },
];
