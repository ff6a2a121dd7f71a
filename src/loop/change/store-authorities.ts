import type { JSONColumnType, Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { normalSerial } from './logic/inputs.ts';

export interface Issuer {
  /** SHA-256 of the SubjectPublicKeyInfo */
  spki: string;
  subject: string;
  pem: string;
}

export type AuthorityTables = {
  'change.authority': {
    id: string;
    name: string;
    kind: string;
    url: string;
    provisioner: string;
    root: string | null;
    issuers: JSONColumnType<Issuer[]>;
    secret_id: string;
    created_at: Date;
    created_by: string;
  };
  'change.revocation': { issuer: string; serial: string; asked_at: Date | null; seen_at: Date | null };
};
const q = (db: DbOrTx) => db.withTables<AuthorityTables>();

export interface AuthorityRow {
  id: string;
  name: string;
  kind: string;
  url: string;
  provisioner: string;
  root: string | null;
  issuers: Issuer[];
  secretId: string;
  createdAt: Date;
  createdBy: string;
}

export async function authorityRows(db: DbOrTx): Promise<AuthorityRow[]> {
  const rows = await q(db).selectFrom('change.authority').selectAll().orderBy('name').execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    kind: row.kind,
    url: row.url,
    provisioner: row.provisioner,
    root: row.root,
    issuers: row.issuers,
    secretId: row.secret_id,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }));
}

/** False when the name is taken. */
export async function insertAuthority(tx: Transaction<NoTables>, row: AuthorityRow): Promise<boolean> {
  const done = await q(tx)
    .insertInto('change.authority')
    .values({
      id: row.id,
      name: row.name,
      kind: row.kind,
      url: row.url,
      provisioner: row.provisioner,
      root: row.root,
      issuers: JSON.stringify(row.issuers),
      secret_id: row.secretId,
      created_at: row.createdAt,
      created_by: row.createdBy,
    })
    .onConflict((c) => c.column('name').doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function deleteAuthority(tx: Transaction<NoTables>, name: string): Promise<string | null> {
  const row = await q(tx)
    .deleteFrom('change.authority')
    .where('name', '=', name)
    .returning('secret_id')
    .executeTakeFirst();
  return row?.secret_id ?? null;
}

export interface Revocation {
  issuer: string;
  serial: string;
  askedAt: Date | null;
  seenAt: Date | null;
}

export async function revocations(db: DbOrTx): Promise<Revocation[]> {
  const rows = await q(db).selectFrom('change.revocation').selectAll().execute();
  return rows.map((row) => ({ issuer: row.issuer, serial: row.serial, askedAt: row.asked_at, seenAt: row.seen_at }));
}

/** The first time counts. */
export async function noteRevocation(
  tx: Transaction<NoTables>,
  certificate: { issuer: string; serial: string },
  what: 'asked' | 'seen',
  at: Date,
): Promise<void> {
  const column = what === 'asked' ? 'asked_at' : 'seen_at';
  await q(tx)
    .insertInto('change.revocation')
    .values({
      issuer: certificate.issuer,
      serial: normalSerial(certificate.serial),
      asked_at: null,
      seen_at: null,
      [column]: at,
    })
    .onConflict((c) =>
      c
        .columns(['issuer', 'serial'])
        .doUpdateSet((e) => ({ [column]: e.fn.coalesce(`change.revocation.${column}`, e.val(at)) })),
    )
    .execute();
}
