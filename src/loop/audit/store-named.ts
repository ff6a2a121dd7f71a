import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { verdictFor } from './store-vulnerabilities.ts';

/** Kinds of libraries that facts tell of. */
export const LIBRARIES = ['Maven', 'PyPI', 'RubyGems', 'npm'];

export interface HostSystem {
  /** of its packages */
  ecosystems: readonly string[];
  /** as os-release has it; null: it says none */
  versionId: string | null;
  /** places of its programs that could not be looked into; null: nobody looked */
  unread: number | null;
}

/** Hosts whose packages are known. Those that are alike share one object: hosts are many, and kinds of systems few. */
export async function systemsByHost(db: DbOrTx): Promise<Map<string, HostSystem>> {
  const { rows } = await sql<HostSystem & { hosts: string }>`
    select s.ecosystems, s.version_id as "versionId", s.unread, string_agg(s.host_id, ',') as hosts
    from audit.host_system s join audit.host_list h on h.host_id = s.host_id and h.section = 'packages' and h.until is null
    group by s.ecosystems, s.version_id, s.unread`.execute(db);
  const found = new Map<string, HostSystem>();
  for (const { hosts, ...system } of rows) for (const id of hosts.split(',')) found.set(id, system);
  return found;
}

/** null: its packages are not known. */
export async function systemOf(db: DbOrTx, hostId: string): Promise<HostSystem | null> {
  const { rows } = await sql<HostSystem>`
    select s.ecosystems, s.version_id as "versionId", s.unread
    from audit.host_system s join audit.host_list h on h.host_id = s.host_id and h.section = 'packages' and h.until is null
    where s.host_id = ${hostId}`.execute(db);
  return rows[0] ?? null;
}

export interface MatchedPackage {
  packageId: number;
  name: string;
  version: string;
  library: boolean;
  verdict: 'affected' | 'unknown';
  fix: string | null;
  why: string;
  feed: string;
}

/** Packages that these advisories affect, or may; affected ones first. `asked`: of what is told of under others, that one counts. */
export async function packagesMatching(
  db: DbOrTx,
  advisories: readonly string[],
  asked: string,
): Promise<MatchedPackage[]> {
  const { rows } = await sql<MatchedPackage>`
    select m.package_id as "packageId", p.name, p.version, p.is_library as library, ${verdictFor(asked)} as verdict,
      m.fix, m.why, m.feed
    from audit.match m join audit.package p on p.id = m.package_id
    where m.until is null and m.advisory = ${anyOf(advisories)} and ${verdictFor(asked)} <> 'bundled'
    order by 5, p.name, p.version, m.advisory`.execute(db);
  return rows;
}

/** Which hosts have which of these packages now, with the list that says so. */
export async function holders(
  db: DbOrTx,
  packageIds: readonly number[],
): Promise<{ packageId: number; listId: number; hostId: string }[]> {
  if (packageIds.length === 0) return [];
  const { rows } = await sql<{ packageId: number; listId: number; hostId: string }>`
    select p.id as "packageId", l.id as "listId", h.host_id as "hostId"
    from unnest(${[...packageIds]}::integer[]) as p (id)
    join audit.package_list l on l.packages @> array[p.id]
    join audit.host_list h on h.list_id = l.id and h.until is null`.execute(db);
  return rows;
}

/** In which files of their programs these lists have a library: list id, name and version → paths. */
export async function pathsOf(
  db: DbOrTx,
  listIds: readonly number[],
  names: readonly string[],
): Promise<Map<string, string[]>> {
  if (listIds.length === 0) return new Map();
  const { rows } = await sql<{ id: number; name: string; version: string; paths: string[] }>`
    select l.id, p ->> 'name' as name, p ->> 'version' as version, array_agg(p ->> 'path') as paths
    from audit.package_list l join audit.section_content c on c.name = l.section and c.hash = l.hash
    cross join jsonb_array_elements(c.data -> 'components') p
    where l.id = any(${[...listIds]}::integer[]) and l.section = 'inventories' and p ->> 'name' = ${anyOf(names)}
    group by l.id, p ->> 'name', p ->> 'version'`.execute(db);
  return new Map(rows.map(({ id, name, version, paths }) => [pathKey(id, { name, version }), paths]));
}

export const pathKey = (listId: number, { name, version }: { name: string; version: string }): string =>
  `${listId}\n${name}\n${version}`;

/** Hosts that have a package or a library of this name now, as its kind takes names for the same. */
export async function hostsWithPackage(
  db: DbOrTx,
  name: string,
): Promise<{ hostId: string; ecosystem: string; version: string; source: string }[]> {
  const { rows } = await sql<{ hostId: string; ecosystem: string; version: string; source: string }>`
    select distinct h.host_id as "hostId", p.ecosystem, p.version, p.source
    from audit.package p join audit.package_list l on l.packages @> array[p.id]
    join audit.host_list h on h.list_id = l.id and h.until is null
    where p.as_binary = ${name}
    order by h.host_id, p.version`.execute(db);
  return rows;
}

/** Snaps that are called like one of these packages: host id → one of them. Contents that name one are found by the index. */
export async function snapsCalled(db: DbOrTx, names: readonly string[]): Promise<Map<string, string>> {
  const naming = names.map((snap) => JSON.stringify({ snaps: [{ snap }] }));
  const { rows } = await sql<{ hostId: string; snap: string }>`
    with named as materialized (
      select c.hash, c.data from audit.section_content c
      where c.name = 'snaps' and c.data @> any(${naming}::text[]::jsonb[])), told as materialized (
      select n.hash, min(concat_ws(' ', p ->> 'name', p ->> 'version')) as snap
      from named n cross join jsonb_array_elements(n.data -> 'snaps') p
      where p ->> 'snap' = ${anyOf(names)} group by n.hash)
    select s.host_id as "hostId", t.snap from told t join audit.section s on s.name = 'snaps' and s.hash = t.hash`.execute(
    db,
  );
  return new Map(rows.map(({ hostId, snap }) => [hostId, snap]));
}
