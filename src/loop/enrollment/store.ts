import type { Generated, JSONColumnType, Transaction } from 'kysely';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import type { AgentRecord } from './face.ts';
import type { Issued } from './logic/certificates.ts';

/** Own tables: agents, tokens and the authority. Credentials and deployments: see the stores beside this one. */
export type AgentTables = {
  'enrollment.token': {
    id: string;
    hash: string;
    host_id: string | null;
    expires_at: Date;
    /** when it was used last, and by which key */
    used_at: Date | null;
    used_by: string | null;
    created_at: Date;
    created_by: string;
    uses: Generated<number>;
    used: Generated<number>;
    /** the network that its hosts call from; null: any */
    bound_to: string | null;
    tags: JSONColumnType<Record<string, string>, string, string>;
    revoked_at: Date | null;
    /** why the last machine that showed it was not taken */
    refused_why: Generated<string | null>;
    /** scanners of this site enrol with it; null: agents */
    site: string | null;
  };
  'enrollment.agent': {
    id: string;
    host_id: string;
    public_key: string;
    certificate: string;
    state: 'active' | 'revoked' | 'lost';
    approver_key_ids: JSONColumnType<string[]>;
    enrolled_at: Date;
    token_id: string;
    problem: string | null;
    /** somebody ordered that it goes */
    leave_ordered_at: Date | null;
    leave_ordered_by: string | null;
    /** two machines used it */
    doubled_at: Date | null;
  };
  'enrollment.presence': {
    agent_id: string;
    last_check_in: Date;
    version: string;
    boot_id: string | null;
    program: string | null;
    started_at: string | null;
    /** it said that it stops, and was not heard of since */
    stopped_at: Date | null;
    stopped_why: string | null;
    /** with its whole machine */
    stopping_machine: Generated<boolean>;
  };
  'enrollment.certificate': {
    fingerprint: string;
    agent_id: string;
    certificate: string;
    issued_at: Date;
    expires_at: Date;
  };
  'enrollment.authority': { id: Generated<number>; certificate: string; secret_id: string; created_at: Date };
};
const q = (db: DbOrTx) => db.withTables<AgentTables>();

const agentRows = (db: DbOrTx) =>
  q(db)
    .selectFrom('enrollment.agent as a')
    .leftJoin('enrollment.presence as p', 'p.agent_id', 'a.id')
    .select(['a.id', 'a.host_id', 'a.public_key', 'a.state', 'a.approver_key_ids', 'a.problem', 'a.doubled_at'])
    .select(['p.last_check_in', 'p.version', 'p.program']);

type AgentRow = Awaited<ReturnType<ReturnType<typeof agentRows>['executeTakeFirstOrThrow']>>;

function toRecord(row: AgentRow): AgentRecord {
  return {
    id: row.id,
    hostId: row.host_id,
    version: row.version ?? '',
    program: row.program ?? null,
    publicKey: row.public_key,
    state: row.state,
    lastCheckIn: row.last_check_in?.toISOString() ?? null,
    approverKeyIds: row.approver_key_ids,
    problem: row.problem,
    doubled: row.doubled_at !== null,
  };
}

export async function agentById(db: DbOrTx, id: string): Promise<AgentRecord | null> {
  const row = await agentRows(db).where('a.id', '=', id).executeTakeFirst();
  return row ? toRecord(row) : null;
}

/** The host's agent that is not revoked: there is at most one. */
export async function agentByHost(db: DbOrTx, hostId: string): Promise<AgentRecord | null> {
  const row = await agentRows(db).where('a.host_id', '=', hostId).where('a.state', '<>', 'revoked').executeTakeFirst();
  return row ? toRecord(row) : null;
}

export async function agentByFingerprint(db: DbOrTx, fingerprint: string): Promise<AgentRecord | null> {
  const row = await agentRows(db)
    .innerJoin('enrollment.certificate as c', 'c.agent_id', 'a.id')
    .where('c.fingerprint', '=', fingerprint)
    .executeTakeFirst();
  return row ? toRecord(row) : null;
}

export async function allAgents(db: DbOrTx): Promise<AgentRecord[]> {
  return (await agentRows(db).orderBy('a.id').execute()).map(toRecord);
}

/** Active agents whose last check-in (or enrollment) is older than `before`. */
export async function silentAgents(db: DbOrTx, before: Date): Promise<AgentRecord[]> {
  const rows = await agentRows(db)
    .where('a.state', '=', 'active')
    .where((w) => w.fn.coalesce('p.last_check_in', 'a.enrolled_at'), '<', before)
    .execute();
  return rows.map(toRecord);
}

/** When each host got its first agent. */
export async function managedSince(db: DbOrTx): Promise<Map<string, Date>> {
  const rows = await q(db)
    .selectFrom('enrollment.agent')
    .select((e) => ['host_id', e.fn.min('enrolled_at').as('since')])
    .groupBy('host_id')
    .execute();
  return new Map(rows.map((row) => [row.host_id, row.since]));
}

export async function insertAgent(
  tx: Transaction<NoTables>,
  agent: Omit<
    AgentTables['enrollment.agent'],
    'approver_key_ids' | 'problem' | 'leave_ordered_at' | 'leave_ordered_by' | 'doubled_at'
  > & { approver_key_ids: string[] },
): Promise<void> {
  await q(tx)
    .insertInto('enrollment.agent')
    .values({ ...agent, approver_key_ids: JSON.stringify(agent.approver_key_ids) })
    .execute();
}

/** What of the agent's certificates is over goes at the same time. */
export async function insertCertificate(
  tx: Transaction<NoTables>,
  agentId: string,
  issued: Issued,
  at: Date,
  days: number,
): Promise<void> {
  await q(tx)
    .deleteFrom('enrollment.certificate')
    .where('agent_id', '=', agentId)
    .where('expires_at', '<', at)
    .execute();
  const expires = new Date(at.getTime() + days * 86_400_000);
  await q(tx)
    .insertInto('enrollment.certificate')
    .values({ ...issued, agent_id: agentId, issued_at: at, expires_at: expires })
    .execute();
}

export async function newestCertificate(
  db: DbOrTx,
  agentId: string,
): Promise<{ certificate: string; issued_at: Date } | undefined> {
  return q(db)
    .selectFrom('enrollment.certificate')
    .select(['certificate', 'issued_at'])
    .where('agent_id', '=', agentId)
    .orderBy('issued_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** False when it was in none of these states any more: what is revoked stays so. `problem`: what people are told. */
export async function setAgentState(
  tx: Transaction<NoTables>,
  id: string,
  from: AgentRecord['state'][],
  state: AgentRecord['state'],
  problem: string | null = null,
): Promise<boolean> {
  const update = q(tx)
    .updateTable('enrollment.agent')
    .set({ state, problem })
    .where('id', '=', id)
    .where('state', 'in', from);
  return (await update.executeTakeFirst()).numUpdatedRows > 0n;
}

/** A host that enrols again gets a new agent; the one before is refused from now on. */
export async function revokeOthers(tx: Transaction<NoTables>, hostId: string): Promise<string[]> {
  const rows = await q(tx)
    .updateTable('enrollment.agent')
    .set({ state: 'revoked' })
    .where('host_id', '=', hostId)
    .where('state', '<>', 'revoked')
    .returning('id')
    .execute();
  return rows.map((row) => row.id);
}

/** The agent is there: whatever it said before of stopping is over. */
export async function recordPresence(
  db: DbOrTx,
  presence: Pick<
    AgentTables['enrollment.presence'],
    'agent_id' | 'last_check_in' | 'version' | 'program' | 'boot_id' | 'started_at'
  >,
): Promise<void> {
  await q(db)
    .insertInto('enrollment.presence')
    .values(presence)
    .onConflict((c) =>
      c.column('agent_id').doUpdateSet({
        last_check_in: presence.last_check_in,
        version: presence.version,
        program: presence.program,
        boot_id: presence.boot_id,
        started_at: presence.started_at,
        stopped_at: null,
        stopped_why: null,
        stopping_machine: false,
      }),
    )
    .execute();
}

export async function readAuthority(db: DbOrTx): Promise<{ certificate: string; secret_id: string } | undefined> {
  return q(db).selectFrom('enrollment.authority').select(['certificate', 'secret_id']).executeTakeFirst();
}

/** False when another server was faster. */
export async function insertAuthority(
  tx: Transaction<NoTables>,
  authority: { certificate: string; secret_id: string; created_at: Date },
): Promise<boolean> {
  const done = await q(tx)
    .insertInto('enrollment.authority')
    .values({ id: 1, ...authority })
    .onConflict((c) => c.column('id').doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}
