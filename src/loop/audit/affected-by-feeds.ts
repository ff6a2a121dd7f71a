import type { Affected } from '../../model/finding.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { FEEDS } from './feeds/registry.ts';
import { matchHost } from './logic/advisories/host.ts';
import type { FeedStatement, Installed } from './logic/advisories/match.ts';
import { releaseOf } from './logic/advisories/release.ts';
import { ecosystemsByHost } from './store-facts.ts';
import { feedRows, statementsNaming } from './store-feeds.ts';
import { type HostPackages, LIBRARIES, type NamedPackage, packagesNamed, unreadByHost } from './store-named.ts';
import { versionOrder } from './versions/registry.ts';

type Said = Pick<Affected, 'hosts' | 'unknown'>;

/**
 * Which hosts does an advisory concern by what feeds say of it? null: no feed knows it. A host whose kind of packages no
 * feed speaks of is unknown, and so is one that only errata speak of: they know what is fixed, and are silent otherwise.
 */
export async function saidByFeeds(
  { platform, discovery }: { platform: Platform; discovery: Discovery },
  advisory: string,
): Promise<Said | null> {
  const statements = await statementsNaming(platform.db, advisory);
  if (statements.length === 0) return null;
  const having = await packagesNamed(platform.db, statements);
  const known = await ecosystemsByHost(platform.db);
  const silent = await silentAbout(platform, statements);
  const unread = await unreadLibraries(platform, statements);
  const said: Said = { hosts: [], unknown: [] };
  for (const host of await discovery.hosts()) {
    if (host.supersededBy) continue;
    const ecosystems = known.get(host.id);
    // What was never looked into is told of by whoever asks about inventories.
    if (!ecosystems) continue;
    const base = { hostId: host.id, hostName: host.name };
    const one = judged(statements, having.get(host.id));
    said.hosts.push(
      ...one.affected.map(({ what, why }) => ({ ...base, what, why, state: 'installed' as const, findingId: null })),
    );
    const why = one.unknown ?? unread(host.id) ?? ecosystems.map(silent).find((each) => each !== null);
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

/** Why saying nothing of a kind of packages proves nothing; null: it does, since its own feed would say it. */
async function silentAbout(
  platform: Platform,
  statements: readonly FeedStatement[],
): Promise<(ecosystem: string) => string | null> {
  const spoken = new Set(statements.map(({ ecosystem }) => ecosystem));
  const whole = (await feedRows(platform.db))
    .filter(({ kind, digest }) => digest !== null && FEEDS[kind].info.covers === 'all')
    .map(({ kind }) => FEEDS[kind].info.ownOf);
  return (text) => {
    const ecosystem = text.split(':')[0]!;
    if (spoken.has(ecosystem) || whole.includes(ecosystem)) return null;
    return `not covered: no feed says anything of it about ${ecosystem}`;
  };
}
