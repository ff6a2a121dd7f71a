import type { Affected } from '../../model/finding.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery, HostBrief } from '../discovery/index.ts';
import { FEEDS } from './feeds/registry.ts';
import type { FeedStatement } from './logic/advisories/match.ts';
import { releaseOf } from './logic/advisories/release.ts';
import { feedRows, releasesSpokenOf, statementsNaming } from './store-feeds.ts';
import {
  holders,
  type HostSystem,
  LIBRARIES,
  type MatchedPackage,
  packagesMatching,
  pathKey,
  pathsOf,
  snapsCalled,
  systemsByHost,
} from './store-named.ts';

/** All hosts, and what is known of those that were looked into. An answer needs them twice and reads them once. */
export interface Estate {
  hosts: readonly HostBrief[];
  systems: ReadonlyMap<string, HostSystem>;
}

export async function estateOf({ db }: Platform, discovery: Discovery): Promise<Estate> {
  const [hosts, systems] = await Promise.all([discovery.briefs(), systemsByHost(db)]);
  return { hosts, systems };
}

type Said = Pick<Affected, 'hosts' | 'unknown'>;

/**
 * Which hosts does an advisory concern by what feeds say of it? null: no feed knows it. A host whose kind of packages, or
 * whose release, no feed speaks of is unknown, and so is one that only errata speak of: they know what is fixed, and are
 * silent otherwise.
 */
export async function saidByFeeds(platform: Platform, estate: Estate, advisory: string): Promise<Said | null> {
  const statements = await statementsNaming(platform.db, advisory);
  if (statements.length === 0) return null;
  const ids = [...new Set(statements.map(({ id }) => id))];
  const concerned = await concernedHosts(platform, await packagesMatching(platform.db, ids, advisory));
  const silent = await silentAbout(platform, statements, [...new Set(estate.systems.values())]);
  const unread = unreadLibraries(statements);
  const snaps = await snapsCalled(platform.db, [...new Set(statements.map(({ name }) => name))]);
  const said: Said = { hosts: [], unknown: [] };
  for (const host of estate.hosts) {
    const system = estate.systems.get(host.id);
    // What was never looked into is told of by whoever asks about inventories.
    if (!system) continue;
    const base = { hostId: host.id, hostName: host.name };
    const { affected, unknown } = concerned.get(host.id) ?? UNCONCERNED;
    for (const { what, why } of affected)
      said.hosts.push({ ...base, what, why, state: 'installed' as const, findingId: null });
    const why = unknown ?? unread(system) ?? unjudged(snaps.get(host.id)) ?? silent(system);
    if (affected.length === 0 && why) said.unknown.push({ ...base, why });
  }
  return said;
}

/** It has the name, and none of the versions that a statement speaks of. */
const unjudged = (snap: string | undefined): string | null =>
  snap === undefined ? null : `${snap} is a snap: no feed speaks of snaps, so nobody judges it`;

interface Concerned {
  affected: { what: string; why: string }[];
  unknown: string | null;
}
const UNCONCERNED: Concerned = { affected: [], unknown: null };

/** Hosts that have any of these packages, with what that means for them. */
async function concernedHosts({ db }: Platform, matched: readonly MatchedPackage[]): Promise<Map<string, Concerned>> {
  const byId = Map.groupBy(matched, ({ packageId }) => packageId);
  const having = await holders(db, [...byId.keys()]);
  const libraries = matched.filter(({ library }) => library);
  const inLibraries = new Set(libraries.map(({ packageId }) => packageId));
  const paths = await pathsOf(
    db,
    [...new Set(having.filter((one) => inLibraries.has(one.packageId)).map(({ listId }) => listId))],
    [...new Set(libraries.map(({ name }) => name))],
  );
  const found = new Map<string, Concerned>();
  for (const { packageId, listId, hostId } of having) {
    if (!found.has(hostId)) found.set(hostId, { affected: [], unknown: null });
    const one = found.get(hostId)!;
    for (const match of byId.get(packageId)!) {
      const label = `${match.name} ${match.version}`;
      const labels = match.library
        ? (paths.get(pathKey(listId, match)) ?? []).map((path) => `${label} in ${path}`)
        : [label];
      if (match.verdict === 'unknown') one.unknown ??= `${labels[0] ?? label}: ${match.why}`;
      else one.affected.push(...labels.map((what) => ({ what, why: reasonOf(match) })));
    }
  }
  return found;
}

const reasonOf = ({ why, feed, fix }: MatchedPackage): string =>
  `${why}; says ${feed}${fix === null ? '' : `, go to ${fix}`}`;

/** Why a host's libraries prove nothing, where a statement is about some; null: they were all read. */
function unreadLibraries(statements: readonly FeedStatement[]): (system: HostSystem) => string | null {
  return statements.some(({ ecosystem }) => LIBRARIES.includes(ecosystem)) ? whyUnread : () => null;
}

export function whyUnread({ unread }: HostSystem): string | null {
  if (unread === null) return 'the libraries of its programs were never collected';
  return unread === 0 ? null : `some of its programs could not be read (${unread})`;
}

/**
 * Why saying nothing of a host's packages proves nothing; null: it does, since what speaks of its release would say it. That
 * is the distribution's own feed, if it speaks of the release at all, and any other one where it does in this matter.
 */
async function silentAbout(
  { db }: Platform,
  statements: readonly FeedStatement[],
  systems: readonly HostSystem[],
): Promise<(system: HostSystem) => string | null> {
  const named = new Set(statements.map(({ ecosystem }) => ecosystem));
  const spoken = new Set(statements.map(({ ecosystem, release }) => spokenKey(ecosystem, release)));
  const whole = (await feedRows(db)).filter(
    ({ kind, digest }) => digest !== null && FEEDS[kind].info.covers === 'all' && FEEDS[kind].info.ownOf !== null,
  );
  const own = await releasesSpokenOf(
    db,
    whole.map(({ name }) => name),
    systems.flatMap(kindsOf),
  );
  for (const { ecosystem, release } of own) spoken.add(spokenKey(ecosystem, release));
  return onceEach((system) => {
    const missing = kindsOf(system).find(
      ({ ecosystem, release }) => !spoken.has(spokenKey(ecosystem, null)) && !spoken.has(spokenKey(ecosystem, release)),
    );
    if (!missing) return null;
    const { ecosystem, release } = missing;
    const isNamed = named.has(ecosystem) || whole.some(({ kind }) => FEEDS[kind].info.ownOf === ecosystem);
    const which = isNamed ? `${ecosystem} ${release ?? 'of no release that it tells'}` : ecosystem;
    return `not covered: no feed says anything of it about ${which}`;
  });
}

/** Systems that are alike are one object, and one answer. */
function onceEach(answer: (system: HostSystem) => string | null): (system: HostSystem) => string | null {
  const known = new Map<HostSystem, string | null>();
  return (system) => {
    const there = known.get(system);
    if (there !== undefined) return there;
    const own = answer(system);
    known.set(system, own);
    return own;
  };
}

interface Kind {
  ecosystem: string;
  release: string | null;
}

export const kindsOf = ({ ecosystems, versionId }: HostSystem): Kind[] =>
  ecosystems.map((text) => {
    const ecosystem = text.split(':')[0]!;
    return { ecosystem, release: releaseOf(ecosystem, versionId) };
  });

/** A release of null is every release. */
const spokenKey = (ecosystem: string, release: string | null): string => JSON.stringify([ecosystem, release]);
