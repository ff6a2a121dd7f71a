import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../platform/context.ts';

/** At a time, so that no statement holds its locks for long. */
const BATCH = 5000;

async function inBatches(db: Db, remove: RawBuilder<unknown>): Promise<number> {
  for (let total = 0; ;) {
    const count = Number((await remove.execute(db)).numAffectedRows ?? 0n);
    total += count;
    if (count < BATCH) return total;
  }
}

/**
 * What was told until then or before, and what is said of places that hosts have left. The latest of each source stays;
 * how often each source saw a host, and when last, is counted apart (`host_source`).
 */
export function removeSightings(db: Db, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.sighting where id in (
      select s.id from discovery.sighting s where s.at < ${before}
        and (s.host_id is null or (
          (s.until < ${before} or (s.until is null and not exists (select from discovery.address a
            where a.host_id = s.host_id and a.address = s.address and a.current)))
          and exists (select from discovery.sighting n
            where n.host_id = s.host_id and n.source = s.source and n.at >= s.at and n.id > s.id)))
      limit ${BATCH})`,
  );
}

/**
 * Of each endpoint the latest result stays, however old. So does the latest of each certificate that was served while
 * the listener was not proven safe, or that is still in time: which keys leaked, and who signed the certificate that
 * has to be revoked, is read from here.
 */
export function removeHistory(db: Db, before: Date, now: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.endpoint_history where id in (
      select h.id from discovery.endpoint_history h
      where h.at < ${before}
        and exists (select from discovery.endpoint_history n where n.endpoint_id = h.endpoint_id and n.id > h.id)
        and (h.probe ->> 'protocol' <> 'tls'
          or (h.probe #>> '{heartbleed,verdict}' = 'safe'
            and coalesce((h.probe #>> '{chain,0,notAfter}')::timestamptz, '-infinity') < ${now})
          or exists (select from discovery.endpoint_history n where n.endpoint_id = h.endpoint_id and n.id > h.id
            and n.probe #>> '{chain,0,fingerprint}' is not distinct from h.probe #>> '{chain,0,fingerprint}'
            and n.probe #>> '{heartbleed,verdict}' is not distinct from h.probe #>> '{heartbleed,verdict}'
            and n.probe -> 'versions' is not distinct from h.probe -> 'versions'))
      limit ${BATCH})`,
  );
}

/** The last scan of each scope stays: it says when, and where names pointed. */
export function removeScans(db: Db, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.scan where id in (
      select s.id from discovery.scan s
      where s.created_at < ${before} and s.state in ('done', 'cancelled', 'failed')
        and (s.scope_id is null or exists (select from discovery.scan n
          where n.scope_id = s.scope_id and n.created_at > s.created_at))
      limit ${BATCH})`,
  );
}

/** The last patrol of each subnet stays: it says when, and whose turn is next. */
export function removePatrols(db: Db, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.patrol where id in (
      select p.id from discovery.patrol p
      where p.ordered_at < ${before} and p.state not in ('ordered', 'running')
        and exists (select from discovery.patrol n where n.block = p.block and n.site = p.site and n.ordered_at > p.ordered_at)
      limit ${BATCH})`,
  );
}

/** Of addresses where none of their machines was shown since: several machines' once, they may be anybody's now. */
export function removeFaces(db: Db, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.face where (address, identity) in (
      select f.address, f.identity from discovery.face f
      where not exists (select from discovery.face n where n.address = f.address and n.last_at >= ${before})
      limit ${BATCH})`,
  );
}

export function removeFollowed(db: Db, before: Date): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.followed where address in (
      select address from discovery.followed where at < ${before} limit ${BATCH})`,
  );
}

/** Only batches that are being written ask for them; by the database's clock, which wrote them. */
export function removeDepartures(db: Db): Promise<number> {
  return inBatches(
    db,
    sql`delete from discovery.departure where ctid = any(array(
      select ctid from discovery.departure where at < now() - interval '1 day' limit ${BATCH}))`,
  );
}
