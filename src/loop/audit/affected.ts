import { AppError } from '../../model/errors/index.ts';
import type { Affected } from '../../model/finding.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import type { LoadedKit } from './face.ts';
import { kernelOf } from './logic/kernels.ts';
import { findFindings, openFindings, type StoredFinding } from './store-findings.ts';
import { hostsWithPackage, hostsWithSection } from './store-facts.ts';

interface Sources {
  platform: Platform;
  discovery: Discovery;
  kits: readonly LoadedKit[];
}

/** Which hosts does it concern? Answered from what is stored; hosts we know nothing of are named as such. */
export async function affectedBy(sources: Sources, query: string): Promise<Affected> {
  const text = query.trim();
  const unknown = await blindSpots(sources);
  if (sources.kits.some(({ kit }) => kit.kit === text)) {
    return {
      query: text,
      kind: 'kit',
      hosts: (await findFindings(sources.platform.db, { kit: text })).map(toHost),
      unknown,
    };
  }
  if (text.startsWith('pkg:'))
    return { query: text, kind: 'package', hosts: await withPackage(sources, text), unknown };
  if (/^(?:CVE|DSA|USN|GHSA)-[\w-]+$/i.test(text)) {
    if (!sources.kits.some((kit) => knows(kit, text.toUpperCase())))
      throw new AppError('ADVISORY_UNKNOWN', { advisory: text.toUpperCase() });
    const found = await findFindings(sources.platform.db, { advisory: text.toUpperCase() });
    return { query: text, kind: 'advisory', hosts: found.map(toHost), unknown };
  }
  throw new AppError('AFFECTED_QUERY', { query: text.slice(0, 200) });
}

/** "Nothing is found" neither: an answer of nothing, for a name that nobody knows, is refused. */
export function refuseUnknown(
  kits: readonly LoadedKit[],
  asked: { kit?: string | undefined; check?: string | undefined; advisory?: string | undefined },
): void {
  const { kit, check, advisory } = asked;
  const own = kits.filter((one) => kit === undefined || one.kit.kit === kit);
  if (kit !== undefined && own.length === 0)
    throw new AppError('NOT_FOUND', { what: 'kit', id: kit, list: 'kit list' });
  if (check !== undefined && !own.some((one) => one.kit.checks.some(({ id }) => id === check)))
    throw new AppError('NOT_FOUND', { what: 'check', id: check, list: 'kit list' });
  if (advisory !== undefined && !kits.some((one) => knows(one, advisory)))
    throw new AppError('ADVISORY_UNKNOWN', { advisory });
}

/** "Nobody is affected" may be said only of what somebody was judged by. */
function knows({ kit }: LoadedKit, advisory: string): boolean {
  const named = kit.checks.flatMap((check) => [
    ...check.references,
    ...(check.kind === 'package' ? [check.advisory, ...check.aliases] : []),
  ]);
  return [...kit.references, ...named].some((one) => one.toUpperCase() === advisory);
}

function toHost(finding: StoredFinding): Affected['hosts'][number] {
  const { hostId, hostName, state, id } = finding;
  const why = finding.pending ?? finding.title;
  return { hostId, hostName, what: finding.endpoint ?? finding.component, state, findingId: id, why };
}

/** `pkg:deb/debian/nodejs@0.10.0-1`; without a version, any. */
function parsePurl(text: string): { name: string; version: string | null; distribution: string } {
  const match = /^pkg:deb\/([a-z0-9.+-]+)\/([A-Za-z0-9.+%-]+)(?:@([^?#]+))?(?:[?#].*)?$/.exec(text);
  if (!match) throw new AppError('AFFECTED_QUERY', { query: text.slice(0, 200) });
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw new AppError('AFFECTED_QUERY', { query: text.slice(0, 200) });
    }
  };
  return { distribution: match[1]!, name: decode(match[2]!), version: match[3] ? decode(match[3]) : null };
}

async function withPackage({ platform, discovery }: Sources, text: string): Promise<Affected['hosts']> {
  const { name, version, distribution } = parsePurl(text);
  const rows = (await hostsWithPackage(platform.db, name)).filter(
    (row) =>
      (version === null || row.version === version) && row.ecosystem.split(':')[0]!.toLowerCase() === distribution,
  );
  const ids = [...new Set(rows.map((row) => row.hostId))];
  const hosts = new Map((await discovery.hosts({ ids })).map((host) => [host.id, host]));
  // By host and component, so that each row finds its own at once.
  const burning = new Map<string, StoredFinding>();
  for (const finding of (await openFindings(platform.db, ids)).toReversed())
    burning.set(`${finding.hostId}\n${finding.component}`, finding);
  return rows.flatMap((row): Affected['hosts'] => {
    const host = hosts.get(row.hostId);
    if (!host || host.supersededBy) return [];
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

/** Nobody has looked inside: neither affected nor clean. */
async function blindSpots({ platform, discovery }: Sources): Promise<Affected['unknown']> {
  const seen = await hostsWithSection(platform.db, 'packages');
  return (await discovery.hosts())
    .filter((host) => !seen.has(host.id))
    .map((host) => ({
      hostId: host.id,
      hostName: host.name,
      why: `${host.management}: its packages were never collected`,
    }));
}
