import type { JSONColumnType, Selectable, Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { Credential } from '../../model/enrollment.ts';

/** A bastion: a host, and the login for it. */
export interface Via {
  hostId: string;
  credentialId: string;
}

/** `via`: id of the bastion's host that leads there, '' where none does */
interface HostKeyRow {
  via: string;
  address: string;
  port: number;
  fingerprint: string;
  pinned_at: Date;
}

/** Own tables: credentials (secrets lie in the vault) and pinned server keys. */
type LoginTables = {
  'enrollment.credential': {
    id: string;
    name: string;
    username: string;
    kind: Credential['kind'];
    /** null where an ssh-agent has it */
    secret_id: string | null;
    socket: string | null;
    passphrase_id: string | null;
    become: Credential['become'];
    become_id: string | null;
    bound_to: JSONColumnType<string[], string, string>;
    via: JSONColumnType<Via | null, string | null, string | null>;
    created_at: Date;
    created_by: string;
  };
  'enrollment.host_key': HostKeyRow;
};
export type CredentialRow = Selectable<LoginTables['enrollment.credential']>;
const q = (db: DbOrTx) => db.withTables<LoginTables>();

/** As whom a login comes, and how it proves that: what a host is told that must not lock it out. */
export const loginOf = ({ username, kind }: CredentialRow): { user: string; method: 'password' | 'publickey' } => ({
  user: username,
  method: kind === 'password' ? 'password' : 'publickey',
});

/** How a login's pins are told apart. */
export const viaOf = (row: Pick<CredentialRow, 'via'>): string => row.via?.hostId ?? '';

export async function credentials(db: DbOrTx): Promise<CredentialRow[]> {
  return q(db).selectFrom('enrollment.credential').selectAll().orderBy('name').execute();
}
export async function credentialByName(db: DbOrTx, name: string): Promise<CredentialRow | undefined> {
  return q(db).selectFrom('enrollment.credential').selectAll().where('name', '=', name).executeTakeFirst();
}
export async function insertCredential(tx: Transaction<NoTables>, row: CredentialRow): Promise<void> {
  await q(tx)
    .insertInto('enrollment.credential')
    .values({ ...row, bound_to: JSON.stringify(row.bound_to), via: row.via && JSON.stringify(row.via) })
    .execute();
}
export async function deleteCredential(tx: Transaction<NoTables>, id: string): Promise<void> {
  await q(tx).deleteFrom('enrollment.credential').where('id', '=', id).execute();
}

export async function pinnedKey(db: DbOrTx, at: Pick<HostKeyRow, 'via' | 'address' | 'port'>): Promise<string | null> {
  const row = await q(db)
    .selectFrom('enrollment.host_key')
    .select('fingerprint')
    .where('via', '=', at.via)
    .where('address', '=', at.address)
    .where('port', '=', at.port)
    .executeTakeFirst();
  return row?.fingerprint ?? null;
}
export async function pinKey(db: DbOrTx, row: HostKeyRow): Promise<void> {
  await q(db)
    .insertInto('enrollment.host_key')
    .values(row)
    .onConflict((c) =>
      c.columns(['via', 'address', 'port']).doUpdateSet({ fingerprint: row.fingerprint, pinned_at: row.pinned_at }),
    )
    .execute();
}
/** Only on the ways that are meant: what has the same address behind another bastion is another machine. */
export async function unpinKeys(
  tx: Transaction<NoTables>,
  vias: readonly string[],
  addresses: readonly string[],
): Promise<void> {
  await q(tx)
    .deleteFrom('enrollment.host_key')
    .where('via', '=', anyOf(vias))
    .where('address', '=', anyOf(addresses))
    .execute();
}
