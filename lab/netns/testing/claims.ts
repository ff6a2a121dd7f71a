/**
 * What is said to be fixed where, by the word of the hosts' own packages: each changelog names what a version mended, and
 * the archives what is newer. Of it the tracker's data is made, and debsecan's, which are one thing in two shapes.
 */
import { deflateSync } from 'node:zlib';
import { versionOrder } from '../../../src/loop/audit/versions/registry.ts';

/** source → id → the version that mends it */
export type Claims = Map<string, Map<string, string>>;

/** Of one source on one host; `fixed: null`: no version of its release mends it. */
export interface Claim {
  source: string;
  id: string;
  fixed: string | null;
}

export interface Release {
  suite: string;
  /** source → version, of what is installed */
  sources: ReadonlyMap<string, string>;
  claims: Claims;
  /** source → version, of what the archives offer */
  offered: ReadonlyMap<string, string>;
}

/** Heads of entries, and lines with a CVE's number, are all that is read of a changelog. */
export const READ_CHANGELOGS =
  "zgrep -hE '^[a-z0-9][a-z0-9+.-]+ [(][^)]+[)] .*; *urgency=|CVE-[0-9]{4}-[0-9]{4,}' /usr/share/doc/*/changelog.Debian.gz";

/** The newest entry is first, so the last one to name an id is the one that mended it. */
export function claimsIn(changelogs: string): Claims {
  const claims: Claims = new Map();
  let entry: { ids: Map<string, string>; version: string } | null = null;
  for (const line of changelogs.split('\n')) {
    const [, source, version] = /^([a-z0-9][a-z0-9+.-]+) \(([^)]+)\) .*; *urgency=/.exec(line) ?? [];
    if (source !== undefined) {
      const ids = claims.get(source) ?? new Map<string, string>();
      claims.set(source, ids);
      entry = { ids, version: version! };
    } else if (entry) for (const [id] of line.matchAll(/CVE-\d{4}-\d{4,}/g)) entry.ids.set(id, entry.version);
  }
  return claims;
}

/** `apt-cache show`: source → version of what can be had. */
export function sourcesIn(shown: string): Map<string, string> {
  const found = shown.split('\n\n').flatMap((paragraph): [string, string][] => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
    const [name, version] = [field('Package'), field('Version')];
    if (name === undefined || version === undefined) return [];
    const [source, own] = (field('Source') ?? name).split(' ');
    return [[source!, own?.replace(/[()]/g, '') ?? version]];
  });
  return new Map(found);
}

/**
 * What holds for a host: its own changelogs' word; of what only a newer release's changelog names, that release's version,
 * which mends nothing here while what is installed is older; and what an update mends that is not named yet.
 */
export function claimsFor(host: Release, newer: readonly Release[]): Claim[] {
  const order = versionOrder('Debian')!;
  return [...host.sources].flatMap(([source, installed]): Claim[] => {
    const ids = new Map<string, string | null>();
    for (const { claims } of newer.toReversed())
      for (const [id, version] of claims.get(source) ?? [])
        ids.set(id, (order(installed, version) ?? 0) < 0 ? null : version);
    for (const [id, version] of host.claims.get(source) ?? []) ids.set(id, version);
    const update = host.offered.get(source);
    if (update !== undefined && (order(installed, update) ?? 0) < 0) ids.set(unnamed(source), update);
    return [...ids].map(([id, fixed]) => ({ source, id, fixed }));
  });
}

/** As the tracker calls what has no number yet. */
const unnamed = (source: string): string =>
  `TEMP-0000000-${Buffer.from(source).toString('hex').slice(-6).toUpperCase()}`;

/** As `data/json` of the tracker. */
export function asTracker(suite: string, claims: readonly Claim[]): Buffer {
  const said = (fixed: string | null): object =>
    fixed === null ? { status: 'open' } : { status: 'resolved', fixed_version: fixed };
  const sources = [...Map.groupBy(claims, ({ source }) => source)].map(([source, own]) => [
    source,
    Object.fromEntries(own.map(({ id, fixed }) => [id, { releases: { [suite]: said(fixed) } }])),
  ]);
  return Buffer.from(JSON.stringify(Object.fromEntries(sources)));
}

/** As debsecan fetches it: names first, then `source,number of the name,flags,fixed in,also fixed in`. */
export function asDebsecan(claims: readonly Claim[]): Buffer {
  const names = claims.map(({ id }) => `${id},,`);
  const lines = claims.map(
    ({ source, fixed }, at) => `${source},${at},S ?${fixed === null ? ' ' : 'F'},${fixed ?? ''},`,
  );
  return deflateSync(['VERSION 1', ...names, '', ...lines, ''].join('\n'));
}
