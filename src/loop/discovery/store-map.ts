import { sql } from 'kysely';
import type { Claim, Management } from '../../model/estate.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';

export interface Block {
  block: string;
  hosts: number;
  unknown: number;
  managed: number;
  marks: { managed: number[]; known: number[]; unknown: number[] } | null;
}

export interface Home {
  id: string;
  name: string;
  address: string;
  block: string;
  claim: Claim;
  management: Management;
  guess: string | null;
}

/** Where a present host is at home: at the lowest of the addresses where it was measured, else that it claims. */
const homes = (where = sql`true`) => sql`
  select distinct on (h.id) h.id, h.name, h.claim, h.management, h.guess, a.address::inet as at,
    network(set_masklen(a.address::inet, case family(a.address::inet) when 4 then 24 else 64 end)) as block
  from discovery.host h join discovery.address a on a.host_id = h.id and a.current
  where h.superseded_by is null and ${where}
  order by h.id, a.how desc, a.address::inet`;

/** The fullest blocks, and how many there are besides. */
export async function homeBlocks(db: DbOrTx, most: number): Promise<{ items: Block[]; blocks: number; hosts: number }> {
  const { rows } = await sql<
    Record<'hosts' | 'unknown' | 'managed' | 'blocks' | 'all_hosts', string> & {
      block: string;
      v4: boolean;
      of_managed: number[] | null;
      of_known: number[] | null;
      of_unknown: number[] | null;
    }
  >`
    with home as (${homes()}),
    kind as (select *, case when management = 'managed' then 'managed' when claim = 'unknown' then 'unknown' else 'known' end as is_a,
      case family(at) when 4 then (at - set_masklen(block, 32)::inet)::integer end as mark from home),
    grouped as (select block, count(*) as hosts, count(*) filter (where claim = 'unknown') as unknown,
      count(*) filter (where is_a = 'managed') as managed, family(block) = 4 as v4,
      array_agg(mark) filter (where is_a = 'managed') as of_managed,
      array_agg(mark) filter (where is_a = 'known') as of_known,
      array_agg(mark) filter (where is_a = 'unknown') as of_unknown
      from kind group by block)
    select * from (select *, count(*) over () as blocks, sum(hosts) over () as all_hosts from grouped
      order by hosts desc, block limit ${most}) fullest order by block`.execute(db);
  const items = rows.map(({ block, v4, of_managed, of_known, of_unknown, ...row }) => ({
    block,
    hosts: Number(row.hosts),
    unknown: Number(row.unknown),
    managed: Number(row.managed),
    marks: v4 ? { managed: of_managed ?? [], known: of_known ?? [], unknown: of_unknown ?? [] } : null,
  }));
  return { items, blocks: Number(rows[0]?.blocks ?? 0), hosts: Number(rows[0]?.all_hosts ?? 0) };
}

/** Those of these hosts that are present, each at home. */
export async function homesOf(db: DbOrTx, ids: readonly string[]): Promise<Home[]> {
  return readHomes(db, sql`select * from (${homes(sql`h.id = ${anyOf(ids)}`)}) home`);
}

/** Hosts of one block, in the order of their addresses. */
export async function homesIn(db: DbOrTx, block: string, most: number): Promise<Home[]> {
  return readHomes(
    db,
    sql`select * from (${homes(sql`exists (select from discovery.address i
      where i.host_id = h.id and i.current and i.address::inet << ${block}::cidr)`)}) home
      where block = ${block}::cidr order by at limit ${most}`,
  );
}

async function readHomes(db: DbOrTx, query: ReturnType<typeof sql>): Promise<Home[]> {
  const { rows } = await sql<Omit<Home, 'address'> & { at: string }>`${query}`.execute(db);
  return rows.map(({ at, ...row }) => ({ ...row, address: at.replace(/\/\d+$/, '') }));
}
