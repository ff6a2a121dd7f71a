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
