import { type RawBuilder, sql } from 'kysely';
import type { ScanFileLine } from '../../model/scan-file.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { COARSE_DAYS } from './store-around.ts';

/**
 * What the server itself saw in that time, in an order that is always the same. What was told before and was seen again
 * has no row of that time: it stands, and its host and what listens there were last seen then.
 */
export async function seenBetween(db: DbOrTx, from: Date, until: Date, most: number): Promise<ScanFileLine[]> {
  const { rows } = await sql<Omit<Extract<ScanFileLine, { kind: 'seen' }>, 'kind' | 'at'> & { at: Date }>`
    select s.address, greatest(s.at, again.at) as at, s.hostname, s.identifiers, s.evidence from discovery.sighting s
    left join lateral (select h.last_seen as at from discovery.host_source h
      where s.at < ${from} and s.until is null and h.host_id = s.host_id and h.source = s.source
        and h.last_seen >= ${from} and h.last_seen <= ${until}
        and coalesce((select max(e.last_seen) >= ${from} from discovery.endpoint e
          where e.host_id = s.host_id and e.address = s.address and e.via is null), true)) again on true
    where s.source = 'scan' and ((s.at >= ${from} and s.at <= ${until}) or again.at is not null)
    order by s.address, at, s.id limit ${most}`.execute(db);
  return rows.map((row) => ({ kind: 'seen', ...row, at: row.at.toISOString() }));
}

/** What listeners said in that time: their last word, or what is kept of what was replaced since. */
export async function looksBetween(db: DbOrTx, from: Date, until: Date, most: number): Promise<ScanFileLine[]> {
  const { rows } = await sql<Omit<Extract<ScanFileLine, { kind: 'look' }>, 'kind' | 'at'> & { at: Date }>`
    select distinct on (address, port, transport) address, port, transport, at, result, error from (
      select e.address, e.port, e.transport, e.last_seen as at, e.probe as result,
        case when e.probe is null then e.last_error end as error
      from discovery.endpoint e where e.via is null and e.last_seen >= ${from} and e.last_seen <= ${until}
      union all
      select e.address, e.port, e.transport, h.at, h.probe, null from discovery.endpoint_history h
        join discovery.endpoint e on e.id = h.endpoint_id
      where e.via is null and h.at >= ${from} and h.at <= ${until}) one
    order by address, port, transport, at desc limit ${most}`.execute(db);
  return rows.map(({ transport, ...row }) => ({
    kind: 'look',
    ...row,
    ...(transport === 'udp' ? { transport } : {}),
    at: row.at.toISOString(),
  }));
}

/**
 * When something may have been seen last that is noted as seen at `last_seen` of `row`, to the week, where it was not
 * noted again because nothing was new: no later than its host was.
 */
const lastSeen = (row: 'a' | 'i'): RawBuilder<Date> =>
  sql<Date>`least(${sql.ref(`${row}.last_seen`)} + ${COARSE_DAYS} * interval '1 day',
    greatest(${sql.ref(`${row}.last_seen`)}, p.last_seen))`;

/** When somebody last saw anything at these addresses. */
export async function lastSeenAt(db: DbOrTx, addresses: readonly string[]): Promise<Map<string, Date>> {
  const { rows } = await sql<{ address: string; at: Date }>`
    select a.address, max(${lastSeen('a')}) as at from discovery.address a
      left join discovery.presence p on p.host_id = a.host_id
    where a.address = ${anyOf(addresses)} group by a.address`.execute(db);
  return new Map(rows.map(({ address, at }) => [address, at]));
}

/** When somebody last saw these strong identifiers anywhere, by `kind value`. */
export async function lastShownAt(db: DbOrTx, identities: readonly string[]): Promise<Map<string, Date>> {
  if (identities.length === 0) return new Map();
  const { rows } = await sql<{ identity: string; at: Date }>`
    select w.identity, max(${lastSeen('i')}) as at from unnest(${[...identities]}::text[]) as w (identity)
      join discovery.identifier i on i.kind = split_part(w.identity, ' ', 1)
        and i.value = substr(w.identity, strpos(w.identity, ' ') + 1)
      left join discovery.presence p on p.host_id = i.host_id
    group by w.identity`.execute(db);
  return new Map(rows.map(({ identity, at }) => [identity, at]));
}
