import { sql } from 'kysely';
import { AppError } from '../../model/errors/index.ts';
import { CLOSED, type Finding, type FindingState } from '../../model/finding.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { FindingFilter } from './face.ts';
import type { Closed } from './logic/cause.ts';
import { matching, type NowAsked } from './store-finding-pages.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { type AuditTables, q } from './tables.ts';

/** A finding with what only the audit needs of it. */
export interface StoredFinding extends Finding {
  /** names the thing within the host, as it was when the finding was opened */
  key: string;
  closedWith: Closed | null;
  causeRank: number | null;
}

const joined = (db: DbOrTx) =>
  q(db)
    .selectFrom('audit.finding as f')
    .innerJoin('audit.finding_look as l', 'l.finding_id', 'f.id')
    .selectAll('f')
    .select(['l.host_name', 'l.component as shown', 'l.kit_version', 'l.advisories', 'l.severity', 'l.confidence'])
    .select(['l.title', 'l.evidence', 'l.pending', 'l.last_seen_at', 'l.due_at']);
type Row = Awaited<ReturnType<ReturnType<typeof joined>['execute']>>[number];

const time = (date: Date | null): string | null => date?.toISOString() ?? null;

function toFinding(row: Row): StoredFinding {
  return {
    id: row.id,
    hostId: row.host_id,
    hostName: row.host_name,
    endpointId: row.endpoint_id,
    endpoint: row.endpoint,
    kit: row.kit,
    kitVersion: row.kit_version,
    check: row.check_id,
    component: row.shown,
    advisories: row.advisories,
    severity: row.severity,
    state: row.state,
    confidence: row.confidence,
    title: row.title,
    evidence: row.evidence,
    pending: row.pending,
    openedAt: row.opened_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    closedAt: time(row.closed_at),
    closeReason: row.close_reason,
    rekindledAt: time(row.rekindled_at),
    rekindleCause: row.rekindle_cause,
    exceptionId: row.exception_id,
    changeId: row.change_id,
    dueAt: time(row.due_at),
    clockFrom: clockFrom(row).toISOString(),
    key: row.component,
    closedWith: row.closed_with,
    causeRank: row.cause_rank,
  };
}

const clockFrom = ({ opened_at, rekindled_at, clock_at }: Row): Date => clock_at ?? rekindled_at ?? opened_at;

/** Without what only the audit needs. */
export function plainFinding({
  key: _key,
  closedWith: _closedWith,
  causeRank: _causeRank,
  ...finding
}: StoredFinding): Finding {
  return finding;
}

interface Some {
  /** those behind this id */
  after?: string | undefined;
  /** at most so many */
  limit?: number;
  now?: NowAsked;
}

export async function findFindings(
  db: DbOrTx,
  filter: FindingFilter = {},
  { after, limit, now }: Some = {},
): Promise<StoredFinding[]> {
  if (filter.ids?.length === 0 || filter.states?.length === 0) return [];
  let rows = joined(db).where(matching(filter, now)).orderBy('f.id');
  if (after) rows = rows.where('f.id', '>', after);
  if (limit !== undefined) rows = rows.limit(limit);
  return (await rows.execute()).map(toFinding);
}

/** Of these and no others, in the order that they come in. */
export async function findingsInOrder(db: DbOrTx, ids: readonly string[]): Promise<StoredFinding[]> {
  const found = new Map((await findFindings(db, { ids: [...ids] })).map((one) => [one.id, one]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** By host, why settings in force keep it from what any of these names is about. */
export async function mitigatedOn(
  db: DbOrTx,
  hostIds: readonly string[],
  advisories: readonly string[],
): Promise<Map<string, string>> {
  const rows = await joined(db)
    .where('f.host_id', '=', anyOf(hostIds))
    .where('f.state', '=', 'not-applicable')
    .where(sql<boolean>`l.evidence ? 'mitigated' and l.advisories ?| ${advisories}::text[]`)
    .orderBy('f.id')
    .execute();
  return new Map(rows.map((row) => [row.host_id, row.close_reason ?? '']));
}

/** What is not fixed on any of these hosts. */
export async function openFindings(db: DbOrTx, hostIds: readonly string[]): Promise<StoredFinding[]> {
  if (hostIds.length === 0) return [];
  const rows = joined(db).where('f.host_id', '=', anyOf(hostIds)).where('f.state', 'not in', CLOSED);
  return (await rows.orderBy('f.id').execute()).map(toFinding);
}

/** Findings that a judgement of these hosts and listeners may be about. */
export async function findPrevious(
  db: DbOrTx,
  hostIds: readonly string[],
  endpoints: readonly string[],
): Promise<StoredFinding[]> {
  const rows = await joined(db)
    .where((e) =>
      e.or([
        e('f.host_id', 'in', [...hostIds]),
        ...(endpoints.length > 0 ? [e('f.endpoint', 'in', [...endpoints])] : []),
      ]),
    )
    .orderBy('f.id')
    .execute();
  return rows.map(toFinding);
}

type FindingRow = AuditTables['audit.finding'];
export type Look = Pick<
  Finding,
  | 'hostName'
  | 'component'
  | 'kitVersion'
  | 'advisories'
  | 'severity'
  | 'confidence'
  | 'title'
  | 'evidence'
  | 'pending'
  | 'lastSeenAt'
> & { slaDays: number | null };

export type NewFinding = Pick<Finding, 'id' | 'hostId' | 'endpointId' | 'endpoint' | 'kit' | 'check' | 'component'>;

export async function insertFinding(db: DbOrTx, finding: NewFinding, at: Date): Promise<void> {
  await q(db)
    .insertInto('audit.finding')
    .values({
      id: finding.id,
      host_id: finding.hostId,
      endpoint_id: finding.endpointId,
      endpoint: finding.endpoint,
      kit: finding.kit,
      check_id: finding.check,
      component: finding.component,
      state: 'open',
      opened_at: at,
      closed_at: null,
      close_reason: null,
      clock_at: null,
      rekindled_at: null,
      rekindle_cause: null,
      cause_rank: null,
      closed_with: null as never,
      exception_id: null,
      change_id: null,
    })
    .execute();
}

type Changes = Partial<Omit<FindingRow, 'closed_with' | 'id'>> & { closed_with?: Closed };

export async function updateFinding(db: DbOrTx, id: string, { closed_with, ...changes }: Changes): Promise<void> {
  await q(db)
    .updateTable('audit.finding')
    .set({ ...changes, ...(closed_with ? { closed_with: jsonText(closed_with) } : {}) })
    .where('id', '=', id)
    .execute();
}

/** What was seen last of each of these findings. */
export async function putLooks(db: DbOrTx, looks: ReadonlyMap<string, Look>): Promise<void> {
  const values = [...looks].map(([id, look]) => ({
    finding_id: id,
    host_name: look.hostName,
    component: look.component,
    kit_version: look.kitVersion,
    advisories: jsonText(look.advisories),
    severity: look.severity,
    confidence: look.confidence,
    title: look.title,
    evidence: jsonText(look.evidence),
    pending: look.pending,
    last_seen_at: new Date(look.lastSeenAt),
    sla_days: look.slaDays,
  }));
  for (const chunk of chunks(values)) {
    await q(db)
      .insertInto('audit.finding_look')
      .values(chunk)
      .onConflict((c) =>
        c.column('finding_id').doUpdateSet((e) => ({
          host_name: e.ref('excluded.host_name'),
          component: e.ref('excluded.component'),
          kit_version: e.ref('excluded.kit_version'),
          advisories: e.ref('excluded.advisories'),
          severity: e.ref('excluded.severity'),
          confidence: e.ref('excluded.confidence'),
          title: e.ref('excluded.title'),
          evidence: e.ref('excluded.evidence'),
          pending: e.ref('excluded.pending'),
          last_seen_at: e.ref('excluded.last_seen_at'),
          sla_days: e.ref('excluded.sla_days'),
        })),
      )
      .execute();
  }
}

/** Their clocks run from when they were opened, or came back, as long as they are not over. */
export async function setDue(db: DbOrTx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`update audit.finding_look l set due_at = n.due_at
    from (select f.id, case when f.state <> all(${CLOSED}::text[])
        then coalesce(f.clock_at, f.rekindled_at, f.opened_at) + l.sla_days * interval '24 hours' end as due_at
      from audit.finding f join audit.finding_look l on l.finding_id = f.id where f.id = ${anyOf(ids)}) n
    where n.id = l.finding_id and l.due_at is distinct from n.due_at`.execute(db);
}

/**
 * Moves what is not closed; a finding that was proven fixed meanwhile stays so, and what a change works on is taken
 * neither by another change nor by an exception. Rows are locked in one order, so that two who want the same wait.
 */
export async function setStates(
  db: DbOrTx,
  ids: readonly string[],
  state: Extract<FindingState, 'open' | 'planned' | 'excepted'>,
  link: { changeId?: string | null; exceptionId?: string | null },
): Promise<void> {
  if (ids.length === 0) return;
  const rows = await q(db)
    .selectFrom('audit.finding')
    .select(['id', 'state', 'change_id'])
    .where('id', '=', anyOf(ids))
    .orderBy('id')
    .forUpdate()
    .execute();
  const other = rows.find((row) => row.state === 'planned' && row.change_id !== link.changeId);
  if (state === 'planned' && other) {
    throw new AppError('CONFLICT', { why: `Change ${other.change_id} works on finding ${other.id} already` });
  }
  await q(db)
    .updateTable('audit.finding')
    .set({
      state,
      ...(link.changeId !== undefined ? { change_id: link.changeId } : {}),
      ...(link.exceptionId !== undefined ? { exception_id: link.exceptionId } : {}),
    })
    .where('id', '=', anyOf(ids))
    .where('state', 'not in', state === 'excepted' ? [...CLOSED, 'planned'] : CLOSED)
    .execute();
}

/** Hosts whose findings wait for more evidence, and hosts with anything open at all. */
export async function hostsToWatch(db: DbOrTx): Promise<{ hostId: string; pending: boolean }[]> {
  const rows = await q(db)
    .selectFrom('audit.finding as f')
    .innerJoin('audit.finding_look as l', 'l.finding_id', 'f.id')
    .select('f.host_id')
    .select(sql<boolean>`bool_or(l.pending is not null)`.as('pending'))
    .where('f.state', 'not in', CLOSED)
    .groupBy('f.host_id')
    .execute();
  return rows.map((row) => ({ hostId: row.host_id, pending: row.pending }));
}

/** How many findings each exception keeps out of the fire, and how many of those that it did are closed. */
export async function coveredByExceptions(db: DbOrTx): Promise<Map<string, { now: number; gone: number }>> {
  const rows = await q(db)
    .selectFrom('audit.finding')
    .select('exception_id')
    .select(sql<string>`count(*) filter (where state = 'excepted')`.as('now'))
    .select(sql<string>`count(*) filter (where state in ('fixed', 'not-applicable'))`.as('gone'))
    .where('exception_id', 'is not', null)
    .groupBy('exception_id')
    .execute();
  return new Map(rows.map((row) => [row.exception_id!, { now: Number(row.now), gone: Number(row.gone) }]));
}
