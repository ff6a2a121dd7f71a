import type { Affected } from '../../model/finding.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { FEEDS } from './feeds/registry.ts';
import { matchHost } from './logic/advisories/host.ts';
import type { FeedStatement, Installed } from './logic/advisories/match.ts';
import { releaseOf } from './logic/advisories/release.ts';
import { feedRows, releasesSpokenOf, statementsNaming } from './store-feeds.ts';
import {
  type HostPackages,
  type HostSystem,
  LIBRARIES,
  type NamedPackage,
  packagesNamed,
  systemsByHost,
  unreadByHost,
} from './store-named.ts';
import { versionOrder } from './versions/registry.ts';

type Said = Pick<Affected, 'hosts' | 'unknown'>;

/**
 * Which hosts does an advisory concern by what feeds say of it? null: no feed knows it. A host whose kind of packages, or
 * whose release, no feed speaks of is unknown, and so is one that only errata speak of: they know what is fixed, and are
 * silent otherwise.
 */
export async function saidByFeeds(
  { platform, discovery }: { platform: Platform; discovery: Discovery },
  advisory: string,
): Promise<Said | null> {
  const statements = await statementsNaming(platform.db, advisory);
  if (statements.length === 0) return null;
  const having = await packagesNamed(platform.db, statements);
  const known = await systemsByHost(platform.db);
  const silent = await silentAbout(platform, statements, [...known.values()]);
  const unread = await unreadLibraries(platform, statements);
  const said: Said = { hosts: [], unknown: [] };
  for (const host of await discovery.hosts()) {
    if (host.supersededBy) continue;
    const system = known.get(host.id);
    // What was never looked into is told of by whoever asks about inventories.
    if (!system) continue;
    const base = { hostId: host.id, hostName: host.name };
    const one = judged(statements, having.get(host.id));
    said.hosts.push(
      ...one.affected.map(({ what, why }) => ({ ...base, what, why, state: 'installed' as const, findingId: null })),
    );
    const why = one.unknown ?? unread(host.id) ?? silent(system);
    if (one.affected.length === 0 && why) said.unknown.push({ ...base, why });
  }
  return said;
}

interface Judged {
  affected: { what: string; why: string }[];
  unknown: string | null;
}

function judged(statements: readonly FeedStatement[], host: HostPackages | undefined): Judged {
  if (!host) return { affected: [], unknown: null };
  const { packages, kernel } = matchHost(
    statements,
    host.packages.map((one) => installedOf(host, one)),
    versionOrder,
    host.kernel,
  );
  const all = [...packages, ...kernel];
  const affected = all
    .filter(({ verdict }) => verdict === 'affected')
    .flatMap((match) =>
      match.packages.map((what) => ({
        what,
        why: `${match.why}; says ${match.statement.feed}${match.fix === null ? '' : `, go to ${match.fix}`}`,
      })),
    );
  const doubt = all.find(({ verdict }) => verdict === 'unknown');
  return { affected, unknown: doubt ? `${doubt.packages[0]}: ${doubt.why}` : null };
}

function installedOf({ versionId }: HostPackages, fact: NamedPackage): Installed {
  const { name, version, path, origin } = fact;
  const ecosystem = fact.ecosystem.split(':')[0]!;
  return {
    ...fact,
    ecosystem,
    release: path === undefined ? releaseOf(ecosystem, versionId) : null,
    foreign: origin === 'foreign' || origin === 'local',
    label: path === undefined ? `${name} ${version}` : `${name} ${version} in ${path}`,
  };
}

/** Why a host's libraries prove nothing, where a statement is about some; null: they were all read. */
async function unreadLibraries(
  { db }: Platform,
  statements: readonly FeedStatement[],
): Promise<(hostId: string) => string | null> {
  if (!statements.some(({ ecosystem }) => LIBRARIES.includes(ecosystem))) return () => null;
  const unread = await unreadByHost(db);
  return (hostId) => {
    const count = unread.get(hostId);
    if (count === undefined) return 'the libraries of its programs were never collected';
    return count === 0 ? null : `some of its programs could not be read (${count})`;
  };
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
  return (system) => {
    const missing = kindsOf(system).find(
      ({ ecosystem, release }) => !spoken.has(spokenKey(ecosystem, null)) && !spoken.has(spokenKey(ecosystem, release)),
    );
    if (!missing) return null;
    const { ecosystem, release } = missing;
    const isNamed = named.has(ecosystem) || whole.some(({ kind }) => FEEDS[kind].info.ownOf === ecosystem);
    const which = isNamed ? `${ecosystem} ${release ?? 'of no release that it tells'}` : ecosystem;
    return `not covered: no feed says anything of it about ${which}`;
  };
}

interface Kind {
  ecosystem: string;
  release: string | null;
}

const kindsOf = ({ ecosystems, versionId }: HostSystem): Kind[] =>
  ecosystems.map((text) => {
    const ecosystem = text.split(':')[0]!;
    return { ecosystem, release: releaseOf(ecosystem, versionId) };
  });

/** A release of null is every release. */
const spokenKey = (ecosystem: string, release: string | null): string => JSON.stringify([ecosystem, release]);
