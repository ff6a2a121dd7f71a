import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { rejudge } from './rejudge.ts';

/** A service at one of the addresses that its host left, and what the host served at the new address and port before. */
interface Moving {
  id: string;
  address: string;
  isOpen: boolean;
  there: string | null;
  isThereOpen: boolean;
}

/**
 * The host moved with all it serves: the same endpoints at another address keep their ids and history. Where it had served
 * the same there before and left, the two change places. Whatever cannot come along is gone: nothing of it is there now.
 */
export async function moveEndpoints(tx: Tx, hostId: string, from: string[], to: string): Promise<void> {
  const left = from.filter((address) => address !== to);
  if (left.length === 0) return;
  const all = await moving(tx, hostId, left, to);
  const changing = all.filter(({ there, isOpen, isThereOpen }) => there !== null && isOpen && !isThereOpen);
  const free = all.filter(({ there }) => there === null);
  const ids = (some: readonly Moving[]): string[] => some.map(({ id }) => id);
  // Two rows of one place would not be taken, not even for a moment.
  await sql`update discovery.endpoint set address = 'left ' || address
    where id = ${anyOf(changing.map(({ there }) => there!))}`.execute(tx.db);
  await sql`update discovery.endpoint set address = ${to} where id = ${anyOf(ids([...free, ...changing]))}`.execute(
    tx.db,
  );
  await sql`update discovery.endpoint e set address = t.address
    from unnest(${changing.map(({ there }) => there!)}::text[], ${changing.map(({ address }) => address)}::text[])
      t (id, address) where e.id = t.id`.execute(tx.db);
  const { numAffectedRows = 0n } = await sql`update discovery.endpoint set state = 'gone'
    where host_id = ${hostId} and address = ${anyOf(left)} and state = 'open'`.execute(tx.db);
  if (numAffectedRows > 0n) await rejudge(tx, hostId);
}

/** One for each port: what is open before what is gone. */
async function moving(tx: Tx, hostId: string, from: readonly string[], to: string): Promise<Moving[]> {
  const { rows } = await sql<Moving>`
    select e.id, e.address, e.state = 'open' as "isOpen", o.id as there, coalesce(o.state = 'open', false) as "isThereOpen"
    from (select distinct on (port, transport) id, address, port, transport, state from discovery.endpoint
      where host_id = ${hostId} and address = ${anyOf(from)}
      order by port, transport, state = 'open' desc, id) e
    left join discovery.endpoint o on o.host_id = ${hostId} and o.address = ${to} and o.port = e.port
      and o.transport = e.transport`.execute(tx.db);
  return rows;
}

/** Records turned out to be one machine, or two: endpoints go over from one to the other. */
interface Handing {
  from: string;
  to: string;
  /** all that is at these addresses */
  addresses: readonly string[];
  /** and these, but for what is at addresses that stay */
  ids?: readonly string[];
  staying?: readonly string[];
}

/**
 * Endpoints go over to another record; what that had served at the same place before itself takes over what is known of it
 * now. Returns those that went over.
 */
export async function handEndpoints(
  db: DbOrTx,
  { from, to, addresses, ids = [], staying = [] }: Handing,
): Promise<string[]> {
  const moved = await sql<{ id: string }>`
    update discovery.endpoint e set host_id = ${to}
    where e.host_id = ${from}
      and (e.address = ${anyOf(addresses)} or e.id = ${anyOf(ids)} and e.address <> all(${[...staying]}::text[]))
      and not exists (select from discovery.endpoint o where o.host_id = ${to} and o.address = e.address and o.port = e.port
          and o.transport = e.transport)
    returning e.id`.execute(db);
  await sql`
    with known as (
      update discovery.endpoint o set state = 'open', service = e.service, probe = e.probe, probed_at = e.probed_at,
        last_error = e.last_error, via = e.via, last_seen = e.last_seen, misses = e.misses, missed_since = e.missed_since
      from discovery.endpoint e
      where e.host_id = ${from} and e.address = ${anyOf(addresses)} and e.state = 'open' and o.state = 'gone'
        and o.host_id = ${to} and o.address = e.address and o.port = e.port and o.transport = e.transport
      returning o.id, o.probed_at, o.probe)
    insert into discovery.endpoint_history (endpoint_id, at, probe)
    select id, probed_at, probe from known where probe is not null`.execute(db);
  await sql`update discovery.endpoint set state = 'gone'
    where host_id = ${from} and address = ${anyOf(addresses)} and state = 'open'`.execute(db);
  return moved.rows.map((row) => row.id);
}
