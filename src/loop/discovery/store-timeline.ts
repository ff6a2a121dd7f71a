import { type RawBuilder, sql } from 'kysely';
import type { Claim, Transport } from '../../model/estate.ts';
import type { MomentKind } from '../../model/timeline.ts';
import type { DbOrTx } from '../../platform/context.ts';

export interface MomentFilter {
  since: Date;
  until: Date;
  kinds: readonly MomentKind[];
  hostId: string | null;
  claim: Claim | null;
}

export interface MomentRow {
  at: Date;
  kind: MomentKind;
  host_id: string;
  name: string;
  claim: Claim;
  address: string | null;
  port: number | null;
  transport: Transport | null;
  service: string | null;
  why: string | null;
  /** orders what is of one instant */
  key: string;
}

/**
 * Decisions, what went and came, and listeners that are new: each by its index on time, so that a week costs what
 * happened in that week.
 */
function moments({ since, until, kinds, hostId, claim }: MomentFilter): RawBuilder<unknown> {
  const own = (column: 'd.host_id' | 'm.host_id' | 'e.host_id') =>
    hostId === null ? sql`true` : sql`${sql.ref(column)} = ${hostId}`;
  return sql`
    select t.*, h.name, h.claim from (
      select d.at, case d.kind when 'new' then 'appeared' when 'clone' then 'cloned' else d.kind end as kind,
        d.host_id, d.address, null::integer as port, null::text as transport,
        null::text as service, d.why, 'd' || lpad(d.id::text, 19, '0') as key
      from discovery.decision d where d.at >= ${since} and d.at < ${until} and ${own('d.host_id')}
        and d.kind in ('new', 'clone', 'replaced', 'moved', 'left', 'merged', 'split')
      union all
      select m.at, m.kind, m.host_id, m.address, m.port, m.transport, m.service, null, 'm' || lpad(m.id::text, 19, '0')
      from discovery.moment m where m.at >= ${since} and m.at < ${until} and ${own('m.host_id')}
      union all
      select e.first_seen, 'port-opened', e.host_id, e.address, e.port, e.transport, e.service, null, 'e' || e.id
      from discovery.endpoint e where e.first_seen >= ${since} and e.first_seen < ${until} and ${own('e.host_id')}
    ) t join discovery.host h on h.id = t.host_id
    where t.kind = any(${[...kinds]}::text[]) and ${claim === null ? sql`true` : sql`h.claim = ${claim}`}`;
}

/** Newest first; `before`: the instant and the key of the last one that was shown. */
export async function findMoments(
  db: DbOrTx,
  filter: MomentFilter,
  before: { at: Date; key: string } | null,
  limit: number,
): Promise<MomentRow[]> {
  const rest = before ? sql`where (date_trunc('milliseconds', at), key) < (${before.at}, ${before.key})` : sql``;
  const { rows } = await sql<MomentRow>`
    select * from (${moments(filter)}) s ${rest}
    order by date_trunc('milliseconds', at) desc, key desc limit ${limit}`.execute(db);
  return rows;
}

/** How many of each kind on each UTC day. */
export async function countMoments(
  db: DbOrTx,
  filter: MomentFilter,
): Promise<{ day: string; kind: MomentKind; n: number }[]> {
  const { rows } = await sql<{ day: string; kind: MomentKind; n: number }>`
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, kind, count(*) as n
    from (${moments(filter)}) s group by 1, 2 order by 1 desc, 2`.execute(db);
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

export async function removeMoments(db: DbOrTx, before: Date): Promise<number> {
  const done = await sql`delete from discovery.moment where at < ${before}`.execute(db);
  return Number(done.numAffectedRows ?? 0n);
}
