import { sql } from 'kysely';
import type { LoggedCertificate } from '../../model/key.ts';
import { plainSerial } from '../../model/serial.ts';
import type { DbOrTx } from '../../platform/context.ts';

/** Public authorities make serials of 64 random bits or more; a shorter one says nothing about who made it. */
const FEWEST_DIGITS = 15;

/** What transparency logs told of certificates with these serials, by serial: the newest word of each name. */
export async function loggedCertificates(db: DbOrTx, serials: readonly string[]): Promise<LoggedCertificate[]> {
  const wanted = [...new Set(serials.map(plainSerial))].filter((serial) => serial.length >= FEWEST_DIGITS);
  if (wanted.length === 0) return [];
  const { rows } = await sql<Omit<LoggedCertificate, 'at'> & { at: Date }>`
    select distinct on (w.serial, name) w.serial, coalesce(s.evidence->>'called', s.address) as name,
      s.evidence->>'issuer' as issuer, s.at
    from unnest(${wanted}::text[]) as w (serial)
      join discovery.sighting s on s.source = 'certificate-log'
        and string_to_array(s.evidence->>'serials', ' ') @> array[w.serial]
    order by w.serial, name, s.at desc limit 1000`.execute(db);
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}
