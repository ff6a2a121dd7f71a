import { sql } from 'kysely';
import type { ScanFileLine } from '../../model/scan-file.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';

/** What the server itself saw in that time, in an order that is always the same. */
export async function seenBetween(db: DbOrTx, from: Date, until: Date, most: number): Promise<ScanFileLine[]> {
  const { rows } = await sql<Omit<Extract<ScanFileLine, { kind: 'seen' }>, 'kind' | 'at'> & { at: Date }>`
    select address, at, hostname, identifiers, evidence from discovery.sighting
    where source = 'scan' and at >= ${from} and at <= ${until} order by address, at, id limit ${most}`.execute(db);
  return rows.map((row) => ({ kind: 'seen', ...row, at: row.at.toISOString() }));
}

/** What listeners said in that time: their last word, or what is kept of what was replaced since. */
export async function looksBetween(db: DbOrTx, from: Date, until: Date, most: number): Promise<ScanFileLine[]> {
  const { rows } = await sql<Omit<Extract<ScanFileLine, { kind: 'look' }>, 'kind' | 'at'> & { at: Date }>`
    select distinct on (address, port) address, port, at, result, error from (
      select e.address, e.port, e.last_seen as at, e.probe as result,
        case when e.probe is null then e.last_error end as error
      from discovery.endpoint e where e.via is null and e.last_seen >= ${from} and e.last_seen <= ${until}
      union all
      select e.address, e.port, h.at, h.probe, null from discovery.endpoint_history h
        join discovery.endpoint e on e.id = h.endpoint_id
      where e.via is null and h.at >= ${from} and h.at <= ${until}) one
    order by address, port, at desc limit ${most}`.execute(db);
  return rows.map((row) => ({ kind: 'look', ...row, at: row.at.toISOString() }));
}

/** When somebody last saw anything at these addresses. */
export async function lastSeenAt(db: DbOrTx, addresses: readonly string[]): Promise<Map<string, Date>> {
  const { rows } = await sql<{ address: string; at: Date }>`
    select address, max(last_seen) as at from discovery.address
    where address = ${anyOf(addresses)} group by address`.execute(db);
  return new Map(rows.map(({ address, at }) => [address, at]));
}

/** When somebody last saw these strong identifiers anywhere, by `kind value`. */
export async function lastShownAt(db: DbOrTx, identities: readonly string[]): Promise<Map<string, Date>> {
  if (identities.length === 0) return new Map();
  const { rows } = await sql<{ identity: string; at: Date }>`
    select w.identity, max(i.last_seen) as at from unnest(${[...identities]}::text[]) as w (identity)
      join discovery.identifier i on i.kind = split_part(w.identity, ' ', 1)
        and i.value = substr(w.identity, strpos(w.identity, ' ') + 1)
    group by w.identity`.execute(db);
  return new Map(rows.map(({ identity, at }) => [identity, at]));
}
