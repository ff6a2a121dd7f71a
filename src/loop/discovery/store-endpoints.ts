import { type RawBuilder, sql } from 'kysely';
import type { Endpoint, Transport } from '../../model/estate.ts';
import type { ProbeResult, ServiceProbe, UnknownProbe } from '../../model/probe.ts';
import { LOCAL_SITE } from '../../model/site.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { spaceOf } from './logic/place.ts';
import { q } from './tables.ts';
import { rejudge } from './rejudge.ts';
import type { Place } from './store-addresses.ts';

export interface EndpointFilter {
  ids?: readonly string[] | undefined;
  hostId?: string | undefined;
  hostIds?: readonly string[] | undefined;
  serial?: string | undefined;
  protocol?: ProbeResult['protocol'] | undefined;
  state?: Endpoint['state'] | undefined;
  /** only those whose last look failed */
  isFailing?: boolean | undefined;
}

const plainSerial = (hex: RawBuilder<unknown>) => sql<string>`upper(ltrim(replace(${hex}, ':', ''), '0'))`;

export async function findEndpoints(db: DbOrTx, filter: EndpointFilter = {}): Promise<Endpoint[]> {
  if (filter.ids?.length === 0) return [];
  let query = q(db)
    .selectFrom('discovery.endpoint')
    .selectAll()
    .orderBy(sql`address::inet`)
    .orderBy('port')
    .orderBy('transport')
    .orderBy('id');
  if (filter.ids) query = query.where('id', '=', anyOf(filter.ids));
  if (filter.hostIds) query = query.where('host_id', '=', anyOf(filter.hostIds));
  if (filter.hostId) query = query.where('host_id', '=', filter.hostId);
  // However it is written; as the index has it.
  if (filter.serial !== undefined)
    query = query.where(
      sql<boolean>`(${plainSerial(sql`probe #>> '{chain,0,serial}'`)} = ${plainSerial(sql`${filter.serial}::text`)}
        or (probe ? 'named' and exists (select from jsonb_array_elements(probe -> 'named') one
          where ${plainSerial(sql`one #>> '{chain,0,serial}'`)} = ${plainSerial(sql`${filter.serial}::text`)})))`,
    );
  if (filter.state) query = query.where('state', '=', filter.state);
  if (filter.isFailing) query = query.where('last_error', 'is not', null);
  if (filter.protocol) query = query.where(sql<boolean>`probe ->> 'protocol' = ${filter.protocol}`);
  return (await query.execute()).map(toEndpoint);
}

export type EndpointRow = NonNullable<Awaited<ReturnType<typeof endpointRow>>>;

function toEndpoint(row: EndpointRow): Endpoint {
  return {
    id: row.id,
    hostId: row.host_id,
    address: row.address,
    port: row.port,
    transport: row.transport,
    service: row.service,
    probe: row.probe,
    probedAt: row.probed_at?.toISOString() ?? null,
    lastError: row.last_error,
    state: row.state,
    via: row.via,
    firstSeen: row.first_seen.toISOString(),
    lastSeen: row.last_seen.toISOString(),
  };
}

export async function findEndpoint(db: DbOrTx, id: string): Promise<Endpoint | null> {
  return (await findEndpoints(db, { ids: [id] }))[0] ?? null;
}

/** Where SSH was last seen to listen at this address, whoever has it. */
export async function sshPortsAt(db: DbOrTx, address: string): Promise<number[]> {
  const rows = await q(db)
    .selectFrom('discovery.endpoint')
    .select('port')
    .distinct()
    .where('address', '=', address)
    .where('state', '=', 'open')
    .where(sql<boolean>`probe ->> 'protocol' = 'ssh'`)
    .orderBy('port')
    .execute();
  return rows.map((row) => row.port);
}

export async function endpointRow(
  db: DbOrTx,
  at: { hostId: string; address: string; port: number; transport?: Transport | undefined },
) {
  return q(db)
    .selectFrom('discovery.endpoint')
    .selectAll()
    .where('host_id', '=', at.hostId)
    .where('address', '=', at.address)
    .where('port', '=', at.port)
    .where('transport', '=', at.transport ?? 'tcp')
    .executeTakeFirst();
}

/** A look on request that did not succeed: everything known before stays (row 1.8), and so does when it was seen. */
export async function noteProbeError(db: DbOrTx, id: string, error: string): Promise<void> {
  await q(db).updateTable('discovery.endpoint').set({ last_error: error }).where('id', '=', id).execute();
}

export async function historyOf(db: DbOrTx, endpointId: string): Promise<{ at: string; probe: ProbeResult }[]> {
  const rows = await q(db)
    .selectFrom('discovery.endpoint_history')
    .select(['at', 'probe'])
    .where('endpoint_id', '=', endpointId)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ at: row.at.toISOString(), probe: row.probe }));
}

/** Which of these hosts ever served something at these addresses. */
export async function withEndpoints(db: DbOrTx, places: readonly Place[]): Promise<Set<string>> {
  if (places.length === 0) return new Set();
  const { rows } = await sql<{ host_id: string }>`
    select distinct e.host_id from discovery.endpoint e
    join unnest(${places.map(({ hostId }) => hostId)}::text[], ${places.map(({ address }) => address)}::text[])
      t (host_id, address) on e.host_id = t.host_id and e.address = t.address`.execute(db);
  return new Set(rows.map((row) => row.host_id));
}

/** Other machines have these addresses: what these hosts served there is gone, whatever answers there now. */
export async function abandonEndpoints(tx: Tx, places: readonly Place[]): Promise<void> {
  if (places.length === 0) return;
  const { rows } = await sql<{ host_id: string }>`
    update discovery.endpoint e set state = 'gone'
    from unnest(${places.map(({ hostId }) => hostId)}::text[], ${places.map(({ address }) => address)}::text[])
      t (host_id, address)
    where e.host_id = t.host_id and e.address = t.address and e.state = 'open'
    returning e.host_id`.execute(tx.db);
  for (const hostId of new Set(rows.map((row) => row.host_id))) await rejudge(tx, hostId);
}

export type MissedRow = Pick<
  EndpointRow,
  'id' | 'host_id' | 'address' | 'port' | 'transport' | 'misses' | 'missed_since' | 'last_seen'
>;

/** Open endpoints at these addresses and ports that a finished scan did not find open; `by`: whose they are to find. */
export async function missedEndpoints(
  db: DbOrTx,
  addresses: string[],
  { ports, udp = [] }: { ports: number[]; udp?: number[] },
  by: 'server' | 'agent' = 'server',
  space = LOCAL_SITE,
): Promise<MissedRow[]> {
  if (addresses.length === 0) return [];
  return q(db)
    .selectFrom('discovery.endpoint')
    .select(['id', 'host_id', 'address', 'port', 'transport', 'misses', 'missed_since', 'last_seen'])
    .where('state', '=', 'open')
    .where(sql<boolean>`coalesce((select a.site from discovery.address a where a.host_id = discovery.endpoint.host_id
      and a.address = discovery.endpoint.address), 'local') = ${space}`)
    .where('address', 'in', addresses)
    .where(sql<boolean>`port = any(case transport when 'udp' then ${udp}::int[] else ${ports}::int[] end)`)
    .where('via', by === 'server' ? 'is' : 'is not', null)
    .execute();
}

export interface Miss {
  id: string;
  misses: number;
  since: Date;
  gone: boolean;
  /** what is to be said of it beside what is known; null: what was said before stays */
  error: string | null;
}

/** Each endpoint once at most. */
export async function noteMisses(db: DbOrTx, all: readonly Miss[]): Promise<void> {
  for (const some of chunks(all)) {
    const of = <K extends keyof Miss>(key: K): Miss[K][] => some.map((one) => one[key]);
    await sql`
      update discovery.endpoint e set misses = t.misses, missed_since = t.since,
        state = case when t.gone then 'gone' else e.state end, last_error = coalesce(t.error, e.last_error)
      from unnest(${of('id')}::text[], ${of('misses')}::int[], ${of('since')}::timestamptz[], ${of('gone')}::boolean[],
        ${of('error')}::text[]) t (id, misses, since, gone, error)
      where e.id = t.id`.execute(db);
  }
}

export interface UnknownRow {
  id: string;
  host_id: string;
  address: string;
  port: number;
  transport: Transport;
  probe: UnknownProbe;
}

/** Services that answer and that no probe knew, of which bytes were kept, by id after `after`. */
export async function unknownAfter(db: DbOrTx, after: string, most: number): Promise<UnknownRow[]> {
  const rows = await q(db)
    .selectFrom('discovery.endpoint')
    .select(['id', 'host_id', 'address', 'port', 'transport', 'probe'])
    .where('id', '>', after)
    .where('state', '=', 'open')
    .where(sql<boolean>`probe ->> 'protocol' = 'unknown' and (probe ->> 'banner' <> '' or probe ? 'answers')`)
    .orderBy('id')
    .limit(most)
    .execute();
  return rows.map((row) => ({ ...row, probe: row.probe as UnknownProbe }));
}

/** Says what an unknown service is; when it was looked at stays. False: it said something else since, or is another host's. */
export async function setMatched(
  db: DbOrTx,
  was: UnknownRow,
  { service, probe }: { service: string; probe: ServiceProbe },
): Promise<boolean> {
  const row = await q(db)
    .updateTable('discovery.endpoint')
    .set({ service, probe: jsonText(probe) })
    .where('id', '=', was.id)
    .where('host_id', '=', was.host_id)
    .where(sql<boolean>`probe = ${jsonText(was.probe)}::jsonb`)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** What the server itself saw last at these ports, as far as it looked deeper there than handshakes show. */
export async function seenInDepth(
  db: DbOrTx,
  pairs: readonly { address: string; port: number }[],
): Promise<(pair: { address: string; port: number }) => ProbeResult | null> {
  const rows = await q(db)
    .selectFrom('discovery.endpoint')
    .select(['address', 'port', 'probe'])
    .where('address', '=', anyOf([...new Set(pairs.map(({ address }) => address))]))
    .where('state', '=', 'open')
    .where('via', 'is', null)
    .where(sql<boolean>`coalesce(probe #> '{depth}', probe #> '{tls,depth}') is not null`)
    .execute();
  const known = new Map(rows.map(({ address, port, probe }) => [`${address} ${port}`, probe]));
  return ({ address, port }) => known.get(`${address} ${port}`) ?? null;
}

/** TLS that was last seen at these ports of these addresses, by whomever. */
export async function tlsSeenAt(
  db: DbOrTx,
  { addresses, ports }: { addresses: readonly string[]; ports: readonly number[] },
  most: number,
): Promise<{ address: string; port: number; probe: ProbeResult }[]> {
  const rows = await q(db)
    .selectFrom('discovery.endpoint')
    .select(['address', 'port', 'probe'])
    .where('address', '=', anyOf(addresses))
    .where(sql<boolean>`port = any(${[...ports]}::int[])`)
    .where('state', '=', 'open')
    .where(sql<boolean>`coalesce(probe #> '{depth}', probe #> '{tls,depth}') is not null`)
    .orderBy('last_seen', 'desc')
    .limit(most)
    .execute();
  return rows.map(({ address, port, probe }) => ({ address, port, probe: probe! }));
}

/** Of these addresses, those where the server itself heard somebody speak who is not gone. */
export async function spokenAt(db: DbOrTx, addresses: readonly string[], site = LOCAL_SITE): Promise<Set<string>> {
  if (addresses.length === 0) return new Set();
  const rows = await q(db)
    .selectFrom('discovery.endpoint')
    .select([
      'address',
      sql<string>`coalesce((select a.site from discovery.address a where a.host_id = discovery.endpoint.host_id
        and a.address = discovery.endpoint.address), 'local')`.as('space'),
    ])
    .distinct()
    .where('address', '=', anyOf(addresses))
    .where('state', '=', 'open')
    .where('via', 'is', null)
    .where(sql<boolean>`probe ->> 'protocol' <> 'unknown' or probe ->> 'banner' <> ''`)
    .execute();
  return new Set(rows.filter((row) => row.space === spaceOf(site, row.address)).map(({ address }) => address));
}
