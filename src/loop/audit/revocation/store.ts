import { type Selectable, sql } from 'kysely';
import type { DbOrTx } from '../../../platform/context.ts';
import { anyOf } from '../../../platform/db/many.ts';
import type { Status } from '../logic/revocation.ts';
import { q, type AuditTables } from '../tables.ts';

export interface Served {
  fingerprint: string;
  spki: string;
  pem: string;
  issuerPem: string | null;
  /** what was shown above the issuer, PEM */
  chain: readonly string[];
  crlUrls: readonly string[];
  ocspUrls: readonly string[];
}

export interface StatusRow extends Served, Status {}

type Row = Selectable<AuditTables['audit.certificate_status']>;

const toRow = (row: Row): StatusRow => ({
  fingerprint: row.fingerprint,
  spki: row.spki,
  pem: row.pem,
  issuerPem: row.issuer_pem,
  chain: row.chain,
  crlUrls: row.crl_urls,
  ocspUrls: row.ocsp_urls,
  status: row.status,
  source: row.source,
  asOf: row.as_of,
  until: row.until,
  why: row.why,
  failures: row.failures,
  askedAt: row.asked_at,
});

/** Listeners serve these: they are asked about from now on. Written at most once a day each. */
export async function noteServed(db: DbOrTx, served: readonly Served[], now: Date): Promise<void> {
  // In one order, so that two who judge do not wait for each other.
  for (const one of served.toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))) {
    await sql`
      insert into audit.certificate_status as s
        (fingerprint, spki, pem, issuer_pem, chain, crl_urls, ocsp_urls, next_at, served_at)
      values (${one.fingerprint}, ${one.spki}, ${one.pem}, ${one.issuerPem}, ${one.chain}::text[], ${one.crlUrls},
        ${one.ocspUrls}, ${now}, ${now})
      on conflict (fingerprint) do update set served_at = excluded.served_at,
        issuer_pem = coalesce(s.issuer_pem, excluded.issuer_pem),
        chain = case excluded.chain when '{}' then s.chain else excluded.chain end
      where s.served_at < excluded.served_at - interval '1 day' or (s.chain = '{}' and excluded.chain <> '{}')
        or (s.issuer_pem is null and excluded.issuer_pem is not null)`.execute(db);
  }
}

/** Takes some that are due, those of one list together. Whoever dies with them leaves them to the next after `holdMs`. */
export async function takeDue(db: DbOrTx, now: Date, most: number, holdMs: number): Promise<StatusRow[]> {
  const { rows } = await sql<Row>`
    update audit.certificate_status set next_at = ${new Date(now.getTime() + holdMs)}
    where fingerprint in (
      select fingerprint from audit.certificate_status where next_at <= ${now}
      order by crl_urls, fingerprint limit ${most} for update skip locked)
    returning *`.execute(db);
  return rows.map(toRow);
}

/** They were taken and not asked. */
export async function leaveDue(db: DbOrTx, fingerprints: readonly string[], now: Date): Promise<void> {
  await q(db)
    .updateTable('audit.certificate_status')
    .set({ next_at: now })
    .where('fingerprint', '=', anyOf(fingerprints))
    .execute();
}

export async function saveStatus(
  db: DbOrTx,
  fingerprint: string,
  known: Status,
  { nextAt, issuerPem }: { nextAt: Date; issuerPem: string | null },
): Promise<void> {
  await q(db)
    .updateTable('audit.certificate_status')
    .set({
      status: known.status,
      source: known.source,
      as_of: known.asOf,
      until: known.until,
      why: known.why,
      failures: known.failures,
      asked_at: known.askedAt,
      next_at: nextAt,
      issuer_pem: issuerPem,
    })
    .where('fingerprint', '=', fingerprint)
    .execute();
}

export async function statusesOf(db: DbOrTx, fingerprints: readonly string[]): Promise<StatusRow[]> {
  if (fingerprints.length === 0) return [];
  const rows = await q(db)
    .selectFrom('audit.certificate_status')
    .selectAll()
    .where('fingerprint', '=', anyOf(fingerprints))
    .execute();
  return rows.map(toRow);
}

/** Hosts whose listeners serve this certificate. */
export async function hostsServing(db: DbOrTx, { spki, fingerprint }: Served): Promise<string[]> {
  const { rows } = await sql<{ host_id: string }>`
    select distinct host_id from audit.key
    where spki = ${spki} and kind = 'served' and certificate ->> 'fingerprint' = ${fingerprint}`.execute(db);
  return rows.map((row) => row.host_id);
}

/** Certificates that nobody has served for long, but for those whose keys burnt: they are revoked after they are gone. */
export async function removeUnserved(db: DbOrTx, before: Date): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from audit.certificate_status s where s.served_at < ${before}
      and not exists (select from audit.exposure e where e.fingerprint = s.fingerprint)`.execute(db);
  return Number(numAffectedRows ?? 0n);
}
