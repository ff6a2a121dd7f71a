import { AppError } from '../../model/errors/index.ts';
import type { Affected } from '../../model/finding.ts';
import type { AffectedRange, Check } from '../../model/kit.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { type Estate, estateOf, saidByFeeds, whyUnread } from './affected-by-feeds.ts';
import type { LoadedKit } from './face.ts';
import { outOfReach, rangesIn } from './logic/ecosystems.ts';
import { type NamedPackage, readPurl } from './logic/export/read-purl.ts';
import { kernelOf } from './logic/kernels.ts';
import { findFindings, openFindings, type StoredFinding } from './store-findings.ts';
import { hostsWithPackage, LIBRARIES } from './store-named.ts';
import { versionOrder } from './versions/registry.ts';

export interface Sources {
  platform: Platform;
  discovery: Discovery;
  kits: readonly LoadedKit[];
}

type Asked = Sources & { estate: Estate };

/** Which hosts does it concern? Answered from what is stored; hosts of which that cannot be told are named as such. */
export async function affectedBy(given: Sources, query: string): Promise<Affected> {
  const text = query.trim();
  const { kits, platform } = given;
  const sources = { ...given, estate: await estateOf(platform, given.discovery) };
  const kit = kits.find((one) => one.kit.kit === text);
  if (kit) {
    const found = await findFindings(platform.db, { kit: text });
    return answer(sources, { query: text, kind: 'kit', hosts: found.map(toHost) }, [rangesIn(kit.kit.checks)]);
  }
  // Whether a host has a package by that name, its list tells whatever its versions are like.
  if (text.startsWith('pkg:')) return namedByPurl(sources, text);
  if (!ADVISORY.test(text)) throw new AppError('AFFECTED_QUERY', { query: text.slice(0, 200) });
  const advisory = text.toUpperCase();
  const said = await saidByFeeds(platform, sources.estate, advisory);
  if (!kits.some((one) => knows(one, advisory))) {
    if (said === null) throw new AppError('ADVISORY_UNKNOWN', { advisory });
    const { hosts, unknown } = answer(sources, { query: text, kind: 'advisory', hosts: said.hosts }, []);
    return { query: text, kind: 'advisory', hosts, unknown: [...unknown, ...said.unknown] };
  }
  const found = await findFindings(platform.db, { advisory });
  const ranges = kits.map((one) => rangesIn(checksAbout(one, advisory)));
  return filledIn(answer(sources, { query: text, kind: 'advisory', hosts: found.map(toHost) }, ranges), said);
}

/** Feeds have names of their own, and new ones; what none of them knows is said to be unknown. */
const ADVISORY = /^[A-Za-z][A-Za-z0-9]*-[\w.:+-]{1,95}$/;

/** What a kit judges, it judges by more than versions: feeds answer only for hosts that no kit can judge. */
function filledIn(known: Affected, said: Pick<Affected, 'hosts' | 'unknown'> | null): Affected {
  if (said === null) return known;
  const open = new Set(known.unknown.map(({ hostId }) => hostId));
  const hosts = said.hosts.filter(({ hostId }) => open.has(hostId));
  const told = new Set(hosts.map(({ hostId }) => hostId));
  return {
    ...known,
    hosts: [...known.hosts, ...hosts],
    unknown: known.unknown.filter(({ hostId }) => !told.has(hostId)),
  };
}

/** `ranges`: what each kit that was asked says of packages. */
function answer(sources: Asked, known: Omit<Affected, 'unknown'>, ranges: readonly AffectedRange[][]): Affected {
  const named = new Set(known.hosts.map((host) => host.hostId));
  const unknown = blindSpots(sources.estate, ranges).filter((host) => !host.seen || !named.has(host.hostId));
  return { ...known, unknown: unknown.map(({ seen: _seen, ...host }) => host) };
}

/** "Nobody is affected" may be said only of what somebody was judged by. */
export const knows = (kit: LoadedKit, advisory: string): boolean => checksAbout(kit, advisory).length > 0;

/** The checks that an advisory is about: those that name it, or all of a kit that does. */
function checksAbout({ kit }: LoadedKit, advisory: string): Check[] {
  const names = (references: readonly string[]): boolean => references.some((one) => one.toUpperCase() === advisory);
  const own = (check: Check): string[] => (check.kind === 'package' ? [check.advisory, ...check.aliases] : []);
  if (names(kit.references)) return kit.checks;
  return kit.checks.filter((check) => names([...check.references, ...own(check)]));
}

function toHost(finding: StoredFinding): Affected['hosts'][number] {
  const { hostId, hostName, state, id } = finding;
  const why = finding.pending ?? finding.closeReason ?? finding.title;
  return { hostId, hostName, what: finding.endpoint ?? finding.component, state, findingId: id, why };
}

async function namedByPurl(sources: Asked, text: string): Promise<Affected> {
  const named = readPurl(text);
  if (named === null) throw new AppError('AFFECTED_QUERY', { query: text.slice(0, 200) });
  const told = answer(sources, { query: text, kind: 'package', hosts: await withPackage(sources, named) }, []);
  if (!LIBRARIES.includes(named.ecosystem)) return told;
  const unread = sources.estate.hosts.flatMap(({ id, name }) => {
    const system = sources.estate.systems.get(id);
    const why = system && whyUnread(system);
    return why ? [{ hostId: id, hostName: name, why }] : [];
  });
  const known = new Set([...told.hosts, ...told.unknown].map(({ hostId }) => hostId));
  return { ...told, unknown: [...told.unknown, ...unread.filter(({ hostId }) => !known.has(hostId))] };
}

async function withPackage(
  { platform, estate }: Asked,
  { ecosystem, name, version }: NamedPackage,
): Promise<Affected['hosts']> {
  const rows = (await hostsWithPackage(platform.db, name)).filter(
    (row) =>
      (version === null || row.version === version) &&
      row.ecosystem.split(':')[0]!.toLowerCase() === ecosystem.toLowerCase(),
  );
  const ids = [...new Set(rows.map((row) => row.hostId))];
  const hosts = new Map(estate.hosts.map((host) => [host.id, host]));
  // By host and component, so that each row finds its own at once.
  const burning = new Map<string, StoredFinding>();
  for (const finding of (await openFindings(platform.db, ids)).toReversed())
    burning.set(`${finding.hostId}\n${finding.component}`, finding);
  return rows.flatMap((row): Affected['hosts'] => {
    const host = hosts.get(row.hostId);
    if (!host) return [];
    const finding = componentsOf({ ...row, name }).flatMap((one) => burning.get(`${host.id}\n${one}`) ?? [])[0];
    const what = `${name} ${row.version}`;
    const base = { hostId: host.id, hostName: host.name, what };
    return finding
      ? [{ ...base, state: finding.state, findingId: finding.id, why: finding.pending ?? finding.title }]
      : [{ ...base, state: 'installed', findingId: null, why: 'installed; no check of a kit fails on it' }];
  });
}

/** A kernel's finding is about every package that the kernel is made of. */
const componentsOf = (row: { name: string; ecosystem: string; source: string }): string[] => [
  row.name,
  ...[kernelOf(row)].flatMap((kernel) => kernel ?? []),
];

interface BlindSpot {
  hostId: string;
  hostName: string;
  why: string;
  /** its packages are known, but nothing that was asked tells whether they are affected */
  seen: boolean;
}

/** Nobody has looked inside, or nobody knows what to make of what is there: neither affected nor clean. */
export function blindSpots({ hosts, systems }: Estate, ranges: readonly AffectedRange[][]): BlindSpot[] {
  const reasons = new Map<string, string | null>();
  const reasonFor = (ecosystems: readonly string[]): string | null => {
    // Hosts are many, and kinds of hosts few.
    const key = ecosystems.join('\n');
    if (!reasons.has(key))
      reasons.set(
        key,
        ranges.map((one) => outOfReach(one, ecosystems, versionOrder)).find((why) => why !== null) ?? null,
      );
    return reasons.get(key)!;
  };
  return hosts.flatMap((host): BlindSpot[] => {
    const base = { hostId: host.id, hostName: host.name };
    const ecosystems = systems.get(host.id)?.ecosystems;
    if (!ecosystems) return [{ ...base, seen: false, why: `${host.management}: its packages were never collected` }];
    const why = reasonFor(ecosystems);
    return why === null ? [] : [{ ...base, seen: true, why }];
  });
}
