import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { addCounts, type Counts, type Kind, noCounts, type PackageSet } from './logic/count-hosts.ts';
import { REACHED_FROM } from './logic/reached.ts';
import { packagesIn } from './store-matches.ts';

/** Up to so many sets, the index is asked about each; beyond, reading every list once is cheaper. */
const FEW = 20;
/** So many kinds of hosts, with their lists, are in memory at a time. */
const KINDS_AT_ONCE = 4000;

/**
 * How many hosts have any of the packages of each set (ids, joined by commas). Sets that no host has anything of are left
 * out. `few`: up to how many are asked one by one.
 */
export async function countHosts(db: DbOrTx, sets: readonly string[], few = FEW): Promise<Map<string, Counts>> {
  return sets.length <= few ? askEach(db, sets) : readAll(db, sets);
}

async function askEach(db: DbOrTx, sets: readonly string[]): Promise<Map<string, Counts>> {
  const { rows } = await sql<Asked>`
    with g as materialized (select k.key, k.ids,
        array(select distinct p.name from audit.package p where p.id = any(k.ids)) as names
      from (select n.key, string_to_array(n.key, ',')::integer[] as ids from unnest(${[...sets]}::text[]) as n (key)) k)
    select g.key, count(*) as hosts, count(*) filter (where s.listens && g.names) as listening,
      count(*) filter (where r.sites is not null) as reached, coalesce(string_agg(r.sites, ${REACHED_FROM}), '') as sites,
      max(s.reached_at) filter (where r.sites is not null) as "reachedAt",
      count(*) filter (where s.important) as important, coalesce(max(s.peers), 0) as peers
    from g
    cross join lateral audit.holders(g.ids) h (host_id)
    left join audit.host_system s on s.host_id = h.host_id
    cross join lateral (select string_agg(split_part(p, ${REACHED_FROM}, 2), ${REACHED_FROM}) as sites
      from unnest(s.reached) p where split_part(p, ${REACHED_FROM}, 1) = any(g.names)) r
    group by g.key`.execute(db);
  return new Map(
    rows.map(({ key, hosts, listening, important, peers, reached, sites, reachedAt }) => [
      key,
      {
        hosts: Number(hosts),
        listening: Number(listening),
        reached: Number(reached),
        reachedFrom: inOrder(sites === '' ? [] : sites.split(REACHED_FROM)),
        reachedAt: reachedAt?.toISOString() ?? null,
        important: Number(important),
        peers,
      },
    ]),
  );
}

interface Asked {
  key: string;
  hosts: string;
  listening: string;
  reached: string;
  sites: string;
  reachedAt: Date | null;
  important: string;
  peers: number;
}

const inOrder = (sites: readonly string[]): string[] => [...new Set(sites)].toSorted();

async function readAll(db: DbOrTx, keys: readonly string[]): Promise<Map<string, Counts>> {
  const sets = await setsOf(db, keys);
  const counts = keys.map(noCounts);
  for (const kinds of chunks(await kindsOf(db), KINDS_AT_ONCE)) {
    const ids = new Set(kinds.flatMap(({ packages, inventories }) => [packages ?? [], inventories ?? []].flat()));
    addCounts(sets, kinds, await packagesIn(db, [...ids]), counts);
  }
  return new Map(
    keys.flatMap((key, index) => {
      const found = counts[index]!;
      return found.hosts > 0 ? [[key, { ...found, reachedFrom: inOrder(found.reachedFrom) }]] : [];
    }),
  );
}

async function setsOf(db: DbOrTx, keys: readonly string[]): Promise<PackageSet[]> {
  const all = keys.map((key) => key.split(',').map(Number));
  const { rows } = await sql<{ id: number; name: string }>`
    select id, name from audit.package where id = any(${[...new Set(all.flat())]}::integer[])`.execute(db);
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  return all.map((ids) => ({ ids, names: new Set(ids.flatMap((id) => names.get(id) ?? [])) }));
}

/** In the order of their lists, so that those which share one come together. */
async function kindsOf(db: DbOrTx): Promise<Kind[]> {
  const { rows } = await sql<KindRow>`
    select p.list_id as packages, i.list_id as inventories, coalesce(s.listens, '{}') as listens,
      coalesce(s.reached, '{}') as reached, max(s.reached_at) as "reachedAt", count(*) as hosts,
      count(*) filter (where s.important) as important, coalesce(max(s.peers), 0) as peers
    from (select host_id, list_id from audit.host_list where until is null and section = 'packages') p
    full join (select host_id, list_id from audit.host_list where until is null and section = 'inventories') i
      using (host_id)
    left join audit.host_system s on s.host_id = coalesce(p.host_id, i.host_id)
    group by 1, 2, 3, 4 order by 1, 2`.execute(db);
  return rows.map((row) => ({
    ...row,
    hosts: Number(row.hosts),
    important: Number(row.important),
    reachedAt: row.reachedAt?.toISOString() ?? null,
  }));
}

type KindRow = Omit<Kind, 'hosts' | 'important' | 'reachedAt'> & {
  hosts: string;
  important: string;
  reachedAt: Date | null;
};
