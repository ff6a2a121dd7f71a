import { sql } from 'kysely';
import type { Db, DbOrTx } from '../../platform/context.ts';
import { sha256Hex } from '../../platform/ledger/index.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { prepared } from '../../platform/db/prepared.ts';
import { type Interned, namesOf } from './logic/interned.ts';
import { q } from './tables.ts';

export type StoredPackage = Interned & { id: number };
/** Sections whose lists of packages are kept. */
export type ListSection = 'packages' | 'inventories';

/**
 * Whoever adds a package (`shared`) matches it by what feeds say, and whoever changes what they say (`alone`) matches all
 * packages concerned: none of them may miss the other.
 */
export async function lockMatches(db: DbOrTx, how: 'shared' | 'alone'): Promise<void> {
  const lock = how === 'shared' ? sql`pg_advisory_xact_lock_shared` : sql`pg_advisory_xact_lock`;
  await sql`select ${lock}(hashtextextended('audit matches', 0))`.execute(db);
}

/** Whoever is about to name packages in a list (`shared`) must find them there until it is written. */
async function lockPackages(db: DbOrTx, how: 'shared' | 'alone'): Promise<void> {
  const lock = how === 'shared' ? sql`pg_advisory_xact_lock_shared` : sql`pg_advisory_xact_lock`;
  await sql`${prepared}select ${lock}(hashtextextended('audit packages', 0))`.execute(db);
}

const COLUMNS = [
  'id',
  'ecosystem',
  'release',
  'name',
  'version',
  'source',
  'source_version as sourceVersion',
  'stream',
  'is_foreign as foreign',
  'is_library as library',
  'kernel',
] as const;

const packageRows = (db: DbOrTx) => q(db).selectFrom('audit.package').select(COLUMNS);

/** Those of the packages whose names these are, in any of the two ways of naming. */
export async function packagesCalled(
  db: DbOrTx,
  names: readonly { ecosystem: string; called: string }[],
): Promise<StoredPackage[]> {
  const found = new Map<number, StoredPackage>();
  for (const some of chunks(names, 5000)) {
    const asked = sql`unnest(${some.map((one) => one.ecosystem)}::text[], ${some.map((one) => one.called)}::text[])`;
    for (const column of ['as_source', 'as_binary'] as const) {
      const rows = await packageRows(db)
        .where(sql<boolean>`(${sql.ref(column)}, ecosystem) in (select n, e from ${asked} as k (e, n))`)
        .orderBy('id')
        .execute();
      for (const row of rows) found.set(row.id, row);
    }
  }
  return [...found.values()].toSorted((a, b) => a.id - b.id);
}

/** The ids of these packages, and those that nobody had before. */
export async function internPackages(
  db: DbOrTx,
  packages: readonly Interned[],
): Promise<{ ids: number[]; added: StoredPackage[] }> {
  const byDigest = new Map(packages.map((one) => [digestOf(one), one]));
  await lockPackages(db, 'shared');
  const ids = await idsOf(db, [...byDigest.keys()]);
  const missing = [...byDigest].filter(([digest]) => !ids.has(digest));
  if (missing.length === 0) return { ids: [...ids.values()], added: [] };
  await lockMatches(db, 'shared');
  // In one order everywhere: hosts that are alike bring the same packages at the same time.
  missing.sort(([a], [b]) => (a < b ? -1 : 1));
  const added: StoredPackage[] = [];
  for (const some of chunks(missing, 1000)) {
    const rows = await q(db)
      .insertInto('audit.package')
      .values(some.map(([digest, one]) => toRow(digest, one)))
      .onConflict((c) => c.column('digest').doNothing())
      .returning(['id', 'digest'])
      .execute();
    for (const { id, digest } of rows) added.push({ ...byDigest.get(digest)!, id });
  }
  // Others may have been faster.
  const rest = await idsOf(
    db,
    missing.map(([digest]) => digest),
  );
  return { ids: [...ids.values(), ...rest.values()], added };
}

function digestOf(one: Interned): string {
  const { ecosystem, release, name, version, source, sourceVersion, stream, foreign, library, kernel } = one;
  const plain = [ecosystem, release, name, version, source, sourceVersion, foreign, library, kernel];
  // Those of no stream are known by what they were called before there were any.
  return sha256Hex(JSON.stringify(stream === null ? plain : [...plain, stream]));
}

function toRow(digest: string, one: Interned) {
  const { sourceVersion, foreign, library, ...rest } = one;
  const { asSource, asBinary } = namesOf(one);
  return {
    ...rest,
    digest,
    source_version: sourceVersion,
    is_foreign: foreign,
    is_library: library,
    as_source: asSource,
    as_binary: asBinary,
  };
}

/** In two long texts: a row for each of hundreds of packages takes longer to read than to find. */
async function idsOf(db: DbOrTx, digests: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql<{ ids: string | null; digests: string | null }>`${prepared}
    select string_agg(id::text, ',') as ids, string_agg(digest, ',') as digests from audit.package
    where digest = ${anyOf(digests)}`.execute(db);
  const { ids, digests: found } = rows[0]!;
  if (ids === null || found === null) return new Map();
  const numbers = ids.split(',').map(Number);
  return new Map(found.split(',').map((digest, index) => [digest, numbers[index]!]));
}

export async function listIdOf(db: DbOrTx, key: string): Promise<number | null> {
  // Kept until the transaction ends: it may come to refer to it.
  const { rows } = await sql<{ id: number }>`${prepared}
    select id from audit.package_list where key = ${key} for key share`.execute(db);
  return rows[0]?.id ?? null;
}

export async function putList(
  db: DbOrTx,
  list: { key: string; section: ListSection; hash: string; packages: readonly number[] },
): Promise<number> {
  const packages = list.packages.toSorted((a, b) => a - b);
  const { rows } = await sql<{ id: number }>`${prepared}
    insert into audit.package_list as l (key, section, hash, packages)
    values (${list.key}, ${list.section}, ${list.hash}, ${packages}::integer[])
    on conflict (key) do update set hash = l.hash returning id`.execute(db);
  return rows[0]!.id;
}

/** From now on the host has this list, or none. */
export async function setHostList(
  db: DbOrTx,
  where: { hostId: string; section: ListSection },
  listId: number | null,
  at: Date,
): Promise<void> {
  const own = sql`host_id = ${where.hostId} and section = ${where.section} and until is null`;
  // What came and went at one moment was never there. The new row waits for what both have done.
  await sql`${prepared}with gone as (delete from audit.host_list where ${own} and since >= ${at} returning 1),
      ended as (update audit.host_list set until = ${at} where ${own} and since < ${at} returning 1),
      over as (select (select count(*) from gone) + (select count(*) from ended) as rows)
    insert into audit.host_list (host_id, section, list_id, since)
    select ${where.hostId}, ${where.section}, ${listId}::integer, ${at} from over
    where over.rows >= 0 and ${listId}::integer is not null`.execute(db);
}

export interface System {
  ecosystems: string[];
  versionId: string | null;
  unread: number | null;
  listens: string[];
}

/** Returns the packages that listen now and did not before, or the other way round; null: the host is new. */
export async function putSystem(db: DbOrTx, hostId: string, system: System): Promise<string[] | null> {
  const { versionId, ecosystems, unread, listens } = system;
  const { rows } = await sql<{ before: string[] | null }>`${prepared}
    with before as materialized (select * from audit.host_system where host_id = ${hostId}),
    put as (insert into audit.host_system as h (host_id, version_id, ecosystems, unread, listens)
      values (${hostId}, ${versionId}, ${ecosystems}::text[], ${unread}, ${listens}::text[])
      on conflict (host_id) do update set version_id = excluded.version_id, ecosystems = excluded.ecosystems,
        unread = excluded.unread, listens = excluded.listens
      where (h.version_id, h.ecosystems, h.unread, h.listens)
        is distinct from (excluded.version_id, excluded.ecosystems, excluded.unread, excluded.listens))
    select (select listens from before) as before`.execute(db);
  const { before } = rows[0]!;
  if (before === null) return null;
  const [then, now] = [new Set(before), new Set(listens)];
  return [...then, ...now].filter((name) => then.has(name) !== now.has(name));
}

/** What affects packages by these names on the host. */
export async function advisoriesOn(db: DbOrTx, hostId: string, names: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ advisory: string }>`
    select distinct m.advisory from audit.host_list h join audit.package_list l on l.id = h.list_id
    cross join unnest(l.packages) i join audit.package p on p.id = i and p.name = ${anyOf(names)}
    join audit.match m on m.package_id = i and m.until is null and m.verdict = 'affected'
    where h.host_id = ${hostId} and h.until is null`.execute(db);
  return rows.map((row) => row.advisory);
}

/**
 * How many addresses were seen to connect to the host: who would notice. Written where it is another number. Returns the
 * host's lists where it is about twice as many as before, or half of them: priorities tell no more of it than that.
 */
export async function notePeers(db: DbOrTx, hostId: string): Promise<number[]> {
  const { rows } = await sql<{ list_id: number }>`
    with before as (select host_id, peers from audit.host_system where host_id = ${hostId}),
    changed as (update audit.host_system h set peers = n.peers
    from (select count(distinct p ->> 'peerAddress')::integer as peers
      from audit.section s join audit.section_content c on c.name = s.name and c.hash = s.hash
      cross join jsonb_array_elements(c.data) p
      where s.host_id = ${hostId} and s.name = 'connections' and p ->> 'direction' = 'in') n
    where h.host_id = ${hostId} and h.peers <> n.peers returning h.host_id, h.peers)
    select l.list_id from before b join changed c on c.host_id = b.host_id
    join audit.host_list l on l.host_id = b.host_id and l.until is null
    where floor(log(2, 1 + b.peers)) <> floor(log(2, 1 + c.peers))`.execute(db);
  return rows.map((row) => row.list_id);
}

/** Its place was taken by another host: it has no packages any more. */
export async function leaveLists(db: DbOrTx, hostIds: readonly string[], at: Date): Promise<number[]> {
  if (hostIds.length === 0) return [];
  const { rows } = await sql<{ list_id: number }>`
    update audit.host_list set until = greatest(${at}, since + interval '1 microsecond')
    where host_id = ${anyOf(hostIds)} and until is null returning list_id`.execute(db);
  return rows.map((row) => row.list_id);
}

/** As many at a time: new lists wait for as long. */
const REMOVED_AT_ONCE = 500;

/**
 * Packages that are in no list any more, and what feeds come to about them. Should one come back, it is matched anew. While
 * an import matches those that it read, none may go: the rest is for the next time.
 */
export async function removePackages(db: Db): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    select id from audit.package except select unnest(packages) from audit.package_list`.execute(db);
  let total = 0;
  for (const some of chunks(rows, REMOVED_AT_ONCE)) {
    total += await db.transaction().execute(async (tx) => {
      await lockPackages(tx, 'alone');
      const { rows: free } = await sql<{ ok: boolean }>`
        select pg_try_advisory_xact_lock_shared(hashtextextended('audit matches', 0)) as ok`.execute(tx);
      if (!free[0]!.ok) return 0;
      const { rows: unused } = await sql<{ id: number }>`
        select n.id from unnest(${some.map(({ id }) => id)}::integer[]) as n (id)
        where not exists (select from audit.package_list l where l.packages @> array[n.id])`.execute(tx);
      const ids = sql`any(${unused.map(({ id }) => id)}::integer[])`;
      await sql`delete from audit.match where package_id = ${ids}`.execute(tx);
      const done = await sql`delete from audit.package where id = ${ids}`.execute(tx);
      return Number(done.numAffectedRows ?? 0n);
    });
  }
  return total;
}

/** Those of these hosts whose packages are stored, and that have no list of them, or one that is to be made again (0675, 0682, 0690). */
export async function hostsToIntern(db: DbOrTx, hostIds: readonly string[], most: number): Promise<string[]> {
  const { rows } = await sql<{ host_id: string }>`
    select s.host_id from audit.section s
    where s.name = 'packages' and s.hash is not null and s.host_id = ${anyOf(hostIds)} and not exists (
      select from audit.host_list h join audit.package_list l on l.id = h.list_id and l.key not like 'again %'
      where h.host_id = s.host_id and h.section = 'packages' and h.until is null)
    order by s.host_id limit ${most}`.execute(db);
  return rows.map((row) => row.host_id);
}
