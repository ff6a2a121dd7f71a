import type { JSONColumnType, Selectable, Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { Credential, Deployment } from '../../model/enrollment.ts';
import { plainText } from '../../model/text.ts';

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

/** Own tables: credentials (secrets lie in the vault), pinned server keys, deployments. */
type DeploymentTables = {
  'enrollment.credential': {
    id: string;
    name: string;
    username: string;
    kind: Credential['kind'];
    secret_id: string;
    passphrase_id: string | null;
    become: Credential['become'];
    become_id: string | null;
    bound_to: JSONColumnType<string[], string, string>;
    via: JSONColumnType<Via | null, string | null, string | null>;
    created_at: Date;
    created_by: string;
  };
  'enrollment.host_key': HostKeyRow;
  'enrollment.deployment': {
    id: string;
    state: 'running' | 'done';
    created_at: Date;
    finished_at: Date | null;
    created_by: string;
    credential_ids: JSONColumnType<string[]>;
    agentless: boolean;
  };
  'enrollment.deployment_host': {
    deployment_id: string;
    host_id: string;
    host_name: string;
    state: 'waiting' | 'running' | 'done' | 'failed';
    why: string | null;
    credential: string | null;
    started_at: Date | null;
    finished_at: Date | null;
    /** somebody is at it until then, and says so again before */
    claimed_until: Date | null;
  };
};
export type CredentialRow = Selectable<DeploymentTables['enrollment.credential']>;
export type DeploymentHostRow = DeploymentTables['enrollment.deployment_host'];
const q = (db: DbOrTx) => db.withTables<DeploymentTables>();

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

export async function insertDeployment(
  tx: Transaction<NoTables>,
  deployment: {
    id: string;
    at: Date;
    by: string;
    hosts: { id: string; name: string }[];
    credentials: string[];
    agentless: boolean;
  },
): Promise<void> {
  await q(tx)
    .insertInto('enrollment.deployment')
    .values({
      id: deployment.id,
      state: 'running',
      created_at: deployment.at,
      finished_at: null,
      created_by: deployment.by,
      credential_ids: JSON.stringify(deployment.credentials),
      agentless: deployment.agentless,
    })
    .execute();
  for (const hosts of chunks(deployment.hosts))
    await q(tx)
      .insertInto('enrollment.deployment_host')
      .values(
        hosts.map((host) => ({
          deployment_id: deployment.id,
          host_id: host.id,
          host_name: host.name,
          state: 'waiting' as const,
          why: null,
          credential: null,
          started_at: null,
          finished_at: null,
          claimed_until: null,
        })),
      )
      .execute();
}

export async function deploymentHosts(db: DbOrTx, id: string): Promise<DeploymentHostRow[]> {
  return q(db)
    .selectFrom('enrollment.deployment_host')
    .selectAll()
    .where('deployment_id', '=', id)
    .orderBy('host_id')
    .execute();
}

/** Takes a host that has no result and that nobody else is at. False: somebody is, or it has one by now. */
export async function claimDeploymentHost(
  db: DbOrTx,
  id: string,
  hostId: string,
  at: { now: Date; until: Date },
): Promise<boolean> {
  const claimed = await q(db)
    .updateTable('enrollment.deployment_host')
    .set({ state: 'running', started_at: at.now, claimed_until: at.until })
    .where('deployment_id', '=', id)
    .where('host_id', '=', hostId)
    .where('state', 'in', ['waiting', 'running'])
    .where((e) => e.or([e('claimed_until', 'is', null), e('claimed_until', '<=', at.now)]))
    .executeTakeFirst();
  return claimed.numUpdatedRows > 0n;
}

export async function setDeploymentHost(
  db: DbOrTx,
  id: string,
  hostId: string,
  set: Partial<Omit<DeploymentHostRow, 'deployment_id' | 'host_id'>>,
): Promise<void> {
  await q(db)
    .updateTable('enrollment.deployment_host')
    .set(typeof set.why === 'string' ? { ...set, why: plainText(set.why) } : set)
    .where('deployment_id', '=', id)
    .where('host_id', '=', hostId)
    .execute();
}

export async function finishDeployment(tx: Transaction<NoTables>, id: string, at: Date): Promise<boolean> {
  const done = await q(tx)
    .updateTable('enrollment.deployment')
    .set({ state: 'done', finished_at: at })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  return done.numUpdatedRows > 0n;
}

export async function deployments(db: DbOrTx, ids?: string[]): Promise<Deployment[]> {
  let query = q(db).selectFrom('enrollment.deployment').selectAll().orderBy('created_at', 'desc').limit(200);
  if (ids) query = query.where('id', 'in', ids);
  const rows = await query.execute();
  if (rows.length === 0) return [];
  const hosts = await q(db)
    .selectFrom('enrollment.deployment_host')
    .selectAll()
    .where(
      'deployment_id',
      'in',
      rows.map((row) => row.id),
    )
    .orderBy('host_name')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    state: row.state,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    createdBy: row.created_by,
    agentless: row.agentless,
    hosts: hosts
      .filter((host) => host.deployment_id === row.id)
      .map((host) => ({
        hostId: host.host_id,
        hostName: host.host_name,
        state: host.state,
        why: host.why,
        credential: host.credential,
      })),
  }));
}

export async function deploymentCredentials(db: DbOrTx, id: string): Promise<string[]> {
  const row = await q(db)
    .selectFrom('enrollment.deployment')
    .select('credential_ids')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.credential_ids ?? [];
}
