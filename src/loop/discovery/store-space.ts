import { sql } from 'kysely';
import type { SpaceBlock } from '../../model/source.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { LISTS } from '../../model/seen.ts';

type Known = Omit<SpaceBlock, 'scope' | 'scannedAt' | 'blind'> & {
  /** one of the block's, which stands for it */
  address: string;
};

const BLOCK = sql`network(set_masklen(a.address::inet, case family(a.address::inet) when 4 then 24 else 64 end))`;

/** Blocks with present hosts, in the order of their addresses. `leftOut`: ids of records that are no machines. */
export async function knownBlocks(db: DbOrTx, leftOut: readonly string[]): Promise<Known[]> {
  const { rows } = await sql<{
    block: string;
    address: string;
    hosts: string;
    unknown: string;
    unlisted: string;
    unseen: string;
    sources: { source: string; hosts: number; lastSeen: string }[];
  }>`
    with at as (
      select ${BLOCK} as block, a.address, h.id, h.claim
      from discovery.address a join discovery.host h on h.id = a.host_id
      where a.current and h.superseded_by is null and not (h.id = ${anyOf(leftOut)})),
    one as (select distinct block, id, claim from at),
    seen as (
      select s.host_id, bool_or(s.source = ${anyOf(LISTS)}) as listed, bool_or(not (s.source = ${anyOf(LISTS)})) as seen
      from discovery.host_source s group by s.host_id),
    told as (
      select o.block, s.source, count(*) as hosts, max(s.last_seen) as last_seen
      from one o join discovery.host_source s on s.host_id = o.id group by o.block, s.source),
    sources as (
      select block, json_agg(json_build_object('source', source, 'hosts', hosts,
        'lastSeen', to_char(last_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by source) as sources
      from told group by block),
    first as (select block, host(min(address::inet)) as address from at group by block)
    select o.block::text as block, f.address, coalesce(min(t.sources::text)::json, '[]') as sources,
      count(*) as hosts, count(*) filter (where o.claim = 'unknown') as unknown,
      count(*) filter (where s.seen and not s.listed) as unlisted,
      count(*) filter (where s.listed and not s.seen) as unseen
    from one o join first f on f.block = o.block
      left join seen s on s.host_id = o.id
      left join sources t on t.block = o.block
    group by o.block, f.address order by o.block`.execute(db);
  return rows.map((row) => ({
    ...row,
    hosts: Number(row.hosts),
    unknown: Number(row.unknown),
    unlisted: Number(row.unlisted),
    unseen: Number(row.unseen),
  }));
}

/** Present hosts of all blocks, each once. */
export async function knownHosts(
  db: DbOrTx,
  leftOut: readonly string[],
): Promise<{ hosts: number; unknown: number; twice: number }> {
  const { rows } = await sql<{ hosts: string; unknown: string; twice: string }>`
    select count(*) as hosts, count(*) filter (where h.claim = 'unknown') as unknown,
      count(*) filter (where (select count(*) from discovery.host_source s where s.host_id = h.id) > 1) as twice
    from discovery.host h where h.superseded_by is null and not (h.id = ${anyOf(leftOut)})`.execute(db);
  const { hosts, unknown, twice } = rows[0]!;
  return { hosts: Number(hosts), unknown: Number(unknown), twice: Number(twice) };
}

/** When a scan of each scope last came to its end. */
export async function lastScans(db: DbOrTx): Promise<Map<string, Date>> {
  const { rows } = await sql<{ scope_id: string; at: Date }>`
    select scope_id, max(finished_at) as at from discovery.scan
    where state = 'done' and scope_id is not null group by scope_id`.execute(db);
  return new Map(rows.map(({ scope_id, at }) => [scope_id, at]));
}
