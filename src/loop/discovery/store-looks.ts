import { sql } from 'kysely';
import type { Transport } from '../../model/estate.ts';
import type { ProbeResult } from '../../model/probe.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { chunks } from '../../platform/db/many.ts';
import type { EndpointRow } from './store-endpoints.ts';

/** An endpoint that was looked at again with success: whatever was missed of it before counts no more. */
export interface SeenAgain {
  id: string;
  service: string;
  probe: ProbeResult;
  at: Date;
  /** the host whose agent saw it; null: the server itself */
  via: string | null;
}

/** What is known of the endpoints at these places of these hosts. */
export async function endpointRows(
  db: DbOrTx,
  at: readonly { hostId: string; address: string; port: number; transport?: Transport | undefined }[],
): Promise<EndpointRow[]> {
  const rows: EndpointRow[] = [];
  for (const some of chunks(at)) {
    const found = await sql<EndpointRow>`
      select distinct on (e.id) e.* from discovery.endpoint e
      join unnest(${some.map(({ hostId }) => hostId)}::text[], ${some.map(({ address }) => address)}::text[],
        ${some.map(({ port }) => port)}::int[], ${some.map(({ transport }) => transport ?? 'tcp')}::text[])
        t (host_id, address, port, transport) on e.host_id = t.host_id and e.address = t.address and e.port = t.port
          and e.transport = t.transport`.execute(db);
    rows.push(...found.rows);
  }
  return rows;
}

export interface NewEndpoint {
  id: string;
  hostId: string;
  address: string;
  port: number;
  transport: Transport;
  service: string;
  probe: ProbeResult | null;
  error: string | null;
  at: Date;
  via: string | null;
}

export async function insertEndpoints(db: DbOrTx, all: readonly NewEndpoint[]): Promise<void> {
  for (const some of chunks(all)) {
    const of = <K extends keyof NewEndpoint>(key: K): NewEndpoint[K][] => some.map((one) => one[key]);
    const probes = of('probe').map((probe) => (probe ? jsonText(probe) : null));
    await sql`
      insert into discovery.endpoint (id, host_id, address, port, transport, service, probe, probed_at, last_error,
        first_seen, last_seen, via, state, misses)
      select id, host_id, address, port, transport, service, probe::jsonb, case when probe is not null then at end, error,
        at, at, via, 'open', 0
      from unnest(${of('id')}::text[], ${of('hostId')}::text[], ${of('address')}::text[], ${of('port')}::int[],
        ${of('transport')}::text[], ${of('service')}::text[], ${probes}::text[], ${of('error')}::text[],
        ${of('at')}::timestamptz[], ${of('via')}::text[])
        t (id, host_id, address, port, transport, service, probe, error, at, via)`.execute(db);
  }
}

/** What was seen at an endpoint that was not seen there before. */
export interface Moment {
  endpointId: string;
  at: Date;
  probe: ProbeResult;
}

export async function addHistory(db: DbOrTx, all: readonly Moment[]): Promise<void> {
  for (const some of chunks(all)) {
    const of = <K extends keyof Moment>(key: K): Moment[K][] => some.map((one) => one[key]);
    await sql`
      insert into discovery.endpoint_history (endpoint_id, at, probe)
      select endpoint_id, at, probe::jsonb
      from unnest(${of('endpointId')}::text[], ${of('at')}::timestamptz[], ${of('probe').map(jsonText)}::text[])
        with ordinality t (endpoint_id, at, probe, place) order by place`.execute(db);
  }
}

/** An endpoint that answers, and whose look did not succeed: everything known before stays (row 1.8). */
export interface Failed {
  id: string;
  error: string;
  at: Date;
  via: string | null;
}

/** Each endpoint once at most. */
export async function noteFailed(db: DbOrTx, all: readonly Failed[]): Promise<void> {
  for (const some of chunks(all)) {
    const of = <K extends keyof Failed>(key: K): Failed[K][] => some.map((one) => one[key]);
    await sql`
      update discovery.endpoint e set last_error = t.error, last_seen = t.at, via = t.via, state = 'open', misses = 0,
        missed_since = null
      from unnest(${of('id')}::text[], ${of('error')}::text[], ${of('at')}::timestamptz[], ${of('via')}::text[])
        t (id, error, at, via)
      where e.id = t.id`.execute(db);
  }
}

/** Each endpoint once at most. */
export async function updateEndpoints(db: DbOrTx, all: readonly SeenAgain[]): Promise<void> {
  for (const some of chunks(all)) {
    const of = <K extends keyof SeenAgain>(key: K): SeenAgain[K][] => some.map((one) => one[key]);
    await sql`
      update discovery.endpoint e set service = t.service, probe = t.probe::jsonb, probed_at = t.at, last_error = null,
        last_seen = t.at, via = t.via, state = 'open', misses = 0, missed_since = null
      from unnest(${of('id')}::text[], ${of('service')}::text[], ${of('probe').map(jsonText)}::text[],
        ${of('at')}::timestamptz[], ${of('via')}::text[]) t (id, service, probe, at, via)
      where e.id = t.id`.execute(db);
  }
}
