import type { Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import type { Issued } from './logic/certificates.ts';

type ScannerTables = {
  'enrollment.scanner': {
    id: string;
    site: string;
    name: string;
    public_key: string;
    state: 'active' | 'revoked';
    token_id: string;
    enrolled_at: Date;
  };
  'enrollment.scanner_certificate': {
    fingerprint: string;
    scanner_id: string;
    certificate: string;
    issued_at: Date;
    expires_at: Date;
  };
};
export type EnrolledScanner = ScannerTables['enrollment.scanner'];
const q = (db: DbOrTx) => db.withTables<ScannerTables>();

export async function scannerById(db: DbOrTx, id: string): Promise<EnrolledScanner | undefined> {
  return q(db).selectFrom('enrollment.scanner').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function scannerByFingerprint(db: DbOrTx, fingerprint: string): Promise<EnrolledScanner | undefined> {
  return q(db)
    .selectFrom('enrollment.scanner as s')
    .innerJoin('enrollment.scanner_certificate as c', 'c.scanner_id', 's.id')
    .selectAll('s')
    .where('c.fingerprint', '=', fingerprint)
    .executeTakeFirst();
}

export async function scannerByKey(db: DbOrTx, publicKey: string): Promise<EnrolledScanner | undefined> {
  return q(db).selectFrom('enrollment.scanner').selectAll().where('public_key', '=', publicKey).executeTakeFirst();
}

export async function insertScanner(tx: Transaction<NoTables>, scanner: EnrolledScanner): Promise<void> {
  await q(tx).insertInto('enrollment.scanner').values(scanner).execute();
}

/** False when it was revoked before. */
export async function setScannerRevoked(tx: Transaction<NoTables>, id: string): Promise<boolean> {
  const done = await q(tx)
    .updateTable('enrollment.scanner')
    .set({ state: 'revoked' })
    .where('id', '=', id)
    .where('state', '=', 'active')
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

/** What of its certificates is over goes at the same time. */
export async function insertScannerCertificate(
  tx: Transaction<NoTables>,
  scannerId: string,
  issued: Issued,
  { at, days }: { at: Date; days: number },
): Promise<void> {
  await q(tx)
    .deleteFrom('enrollment.scanner_certificate')
    .where('scanner_id', '=', scannerId)
    .where('expires_at', '<', at)
    .execute();
  const expires = new Date(at.getTime() + days * 86_400_000);
  await q(tx)
    .insertInto('enrollment.scanner_certificate')
    .values({ ...issued, scanner_id: scannerId, issued_at: at, expires_at: expires })
    .execute();
}

export async function newestScannerCertificate(
  db: DbOrTx,
  scannerId: string,
): Promise<{ certificate: string; issued_at: Date } | undefined> {
  return q(db)
    .selectFrom('enrollment.scanner_certificate')
    .select(['certificate', 'issued_at'])
    .where('scanner_id', '=', scannerId)
    .orderBy('issued_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}
