import type { Impact, RestartImpact } from '../../model/impact.ts';
import { count, plural } from './count.ts';

/** Before the change something will happen; after it, it did. */
export type Tense = 'future' | 'past';

/** One sentence with the numbers; the lists below it name names. */
export function impactInWords(impact: Impact, tense: Tense): string {
  const { packages, files, hosts, restarts } = impact;
  const parts = [
    packages.length > 0 ? count(packages.length, 'package') : '',
    files.length > 0 ? count(files.length, 'file') : '',
  ].filter((part) => part !== '');
  const many = packages.length + files.length;
  const change = tense === 'past' ? 'changed' : plural(many, 'changes', 'change');
  const on = `on ${count(hosts.length, 'host')}`;
  const what =
    parts.length > 0
      ? `${parts.join(' and ')} ${change} ${on}`
      : `Nothing ${tense === 'past' ? 'was' : 'is'} installed or written ${on}`;
  return `${what}; ${restartsInWords(restarts, tense)}.`;
}

function restartsInWords(restarts: Impact['restarts'], tense: Tense): string {
  if (restarts.length === 0) return `no service ${tense === 'past' ? 'restarted' : 'restarts'}`;
  const verb = tense === 'past' ? 'restarted' : plural(restarts.length, 'restarts', 'restart');
  return `${count(restarts.length, 'service')} ${verb}`;
}

export interface ServiceRestarts {
  service: string;
  /** those that somebody is connected to */
  used: RestartImpact[];
  unused: RestartImpact[];
}

/** One group a service, whatever number of hosts it restarts on; those that are felt come first. */
export function byService(restarts: readonly RestartImpact[]): ServiceRestarts[] {
  return [...Map.groupBy(restarts, (one) => one.service)]
    .map(([service, all]) => ({
      service,
      used: all.filter((one) => one.clients.length > 0),
      unused: all.filter((one) => one.clients.length === 0),
    }))
    .toSorted((a, b) => b.used.length - a.used.length || a.service.localeCompare(b.service));
}

export function clientInWords(client: RestartImpact['clients'][number], tense: Tense): string {
  const unit = client.unit ? ` (${client.unit})` : '';
  if (client.distance > 1) return `${unit}, ${count(client.distance, 'hop')} away`;
  const has = tense === 'past' ? 'had' : 'has';
  return `${unit} ${has} ${count(client.connections, 'connection')}`;
}

export interface Comparison {
  /** "7 of 7 restarts, 4 of 4 packages" */
  counts: string;
  /** in words, empty when all went as predicted */
  differences: string[];
}

type Named = (hostId: string) => string;

/** What was predicted beside what was observed, by name. */
export function compareImpact(predicted: Impact, observed: Impact, nameOf: Named): Comparison {
  const kinds = [
    { one: 'restart', from: predicted.restarts.map(restart), to: observed.restarts.map(restart) },
    {
      one: 'package',
      from: predicted.packages.map((item) => pack(item, nameOf)),
      to: observed.packages.map((item) => pack(item, nameOf)),
    },
    {
      one: 'file',
      from: predicted.files.map((item) => file(item, nameOf)),
      to: observed.files.map((item) => file(item, nameOf)),
    },
  ].filter(({ from, to }) => from.length + to.length > 0);
  const both = kinds.map(({ one, from, to }) => {
    const happened = from.filter((item) => to.includes(item)).length;
    return `${happened} of ${count(from.length, one)}`;
  });
  const differences = kinds.flatMap(({ from, to }) => [
    ...from.filter((item) => !to.includes(item)).map((item) => `Predicted, but did not happen: ${item}`),
    ...to.filter((item) => !from.includes(item)).map((item) => `Happened, but was not predicted: ${item}`),
  ]);
  return { counts: both.join(', ') || 'nothing to change', differences };
}

const restart = (one: RestartImpact): string => `restart of ${one.service} on ${one.hostName}`;
const pack = (one: Impact['packages'][number], nameOf: Named): string =>
  `${one.name} ${one.from} → ${one.to} on ${nameOf(one.hostId)}`;
const file = (one: Impact['files'][number], nameOf: Named): string => `${one.path} on ${nameOf(one.hostId)}`;
