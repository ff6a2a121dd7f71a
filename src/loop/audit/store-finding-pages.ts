import { type RawBuilder, sql, type SqlBool } from 'kysely';
import { BURNING, CLOSED, type FindingCounts } from '../../model/finding.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { backwards } from '../../platform/db/like.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { FindingFilter, NowFilter } from './face.ts';
import type { Position, Sort } from './logic/finding-cursor.ts';

/** What depends on the time and on how hosts are now, asked of what is stored. */
export interface NowAsked extends Omit<NowFilter, 'owner'> {
  at: Date;
  /** who said nothing since then is stale */
  staleBefore: Date;
  /** the ids of an owner’s hosts */
  owned?: RawBuilder<string> | undefined;
}

type Condition = RawBuilder<SqlBool>;

/** What must simply be the same. */
const SAME = [
  ['hostId', sql.ref('f.host_id')],
  ['kit', sql.ref('f.kit')],
  ['check', sql.ref('f.check_id')],
  ['component', sql.ref('l.component')],
  ['exceptionId', sql.ref('f.exception_id')],
  ['changeId', sql.ref('f.change_id')],
] as const;

const allOf = (conditions: readonly Condition[]): Condition =>
  conditions.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`;

/** Of a finding `f` and its look `l`. */
export function matching(filter: FindingFilter, now?: NowAsked): Condition {
  const asked: Condition[] = [];
  if (filter.ids) asked.push(sql`f.id = ${anyOf(filter.ids)}`);
  if (filter.ref !== undefined) asked.push(sql`reverse(f.id) like ${backwards(filter.ref)}`);
  if (filter.hostIds) asked.push(sql`f.host_id = ${anyOf(filter.hostIds)}`);
  for (const [field, column] of SAME) if (filter[field] !== undefined) asked.push(sql`${column} = ${filter[field]}`);
  if (filter.states) asked.push(sql`f.state = ${anyOf(filter.states)}`);
  if (filter.severities) asked.push(sql`l.severity = ${anyOf(filter.severities)}`);
  if (filter.advisory !== undefined) asked.push(sql`l.advisories @> ${JSON.stringify([filter.advisory])}::jsonb`);
  return allOf([...asked, ...(now ? asOfNow(now) : [])]);
}

function asOfNow({ overdue, stale, drift, owned, at, staleBefore }: NowAsked): Condition[] {
  const burns = sql`f.state = ${anyOf(BURNING)}`;
  const isOverdue = sql<SqlBool>`(${burns} and coalesce(l.due_at < ${at}, false))`;
  const isStale = sql<SqlBool>`exists (select from audit.host_report r
    where r.host_id = f.host_id and r.reported_at < ${staleBefore})`;
  const drifted = sql<SqlBool>`(f.state <> all(${CLOSED}::text[]) and exists (select from audit.verdict v
    where v.host_id = f.host_id and v.kit = f.kit and v.drifted <> '{}' and f.check_id = any(v.drifted)))`;
  return [
    ...either(overdue, isOverdue),
    ...either(stale, isStale),
    ...either(drift, drifted),
    ...(owned ? [sql<SqlBool>`f.host_id in (${owned})`] : []),
  ];
}

const either = (wanted: boolean | undefined, holds: Condition): Condition[] =>
  wanted === undefined ? [] : [wanted ? holds : sql<SqlBool>`not ${holds}`];

/** How many there are of each kind. */
export async function countKinds(db: DbOrTx, asked: Condition): Promise<FindingCounts['items']> {
  const { rows } = await sql<Omit<FindingCounts['items'][number], 'findings'> & { findings: string }>`
    select f.kit, f.state, l.severity, count(*) as findings
    from audit.finding f join audit.finding_look l on l.finding_id = f.id where ${asked}
    group by 1, 2, 3 order by 1, 2, 3`.execute(db);
  return rows.map((row) => ({ ...row, findings: Number(row.findings) }));
}

/** On each of these hosts; those that have none are left out. */
export async function countByHost(db: DbOrTx, asked: Condition): Promise<{ host: string; findings: number }[]> {
  const { rows } = await sql<{ host: string; findings: string }>`
    select f.host_id as host, count(*) as findings from audit.finding f
    left join audit.finding_look l on l.finding_id = f.id where ${asked} group by 1 order by 1`.execute(db);
  return rows.map((row) => ({ ...row, findings: Number(row.findings) }));
}

export interface Cut {
  /** those behind this one */
  after?: Position | undefined;
  limit: number;
  sort?: Sort | undefined;
}

/** So many are tried one after the other at first, and at most, before all that fit are looked for. */
const [WALKED, MOST_WALKED] = [500, 30_000];

/**
 * Ids of findings, cut out of all that fit. Where many fit, they are among the first; where few do, or none, those are
 * found from the side that has few. Which it is, PostgreSQL cannot tell where filters depend on one another, and would go
 * through all findings one by one; so both are done, and neither takes long.
 */
export async function findingIds(db: DbOrTx, asked: Condition, cut: Cut, walked = WALKED): Promise<string[]> {
  const walk = (far: number): Promise<string[]> =>
    idsAmong(db, ORDER[cut.sort ?? 'id'].walk(far, cut.after), asked, cut);
  const first = await walk(walked);
  if (first.length === cut.limit) return first;
  const far = Math.ceil((1.5 * walked * cut.limit) / first.length);
  const second = far <= MOST_WALKED ? await walk(far) : [];
  return second.length === cut.limit ? second : idsAmong(db, sql`audit.finding`, asked, cut);
}

interface Order {
  /** by what they are sorted before their ids; looks are left out where nothing is asked of them */
  key: RawBuilder<unknown>;
  /** those behind that one, of `f` and `l` */
  behind: (after: Position) => Condition;
  /** the first ones behind it, to be tried one after the other */
  walk: (walked: number, after: Position | undefined) => RawBuilder<unknown>;
}

/** As the index `finding_look_worst` has it. */
const rank = (severity: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`array_position('{critical,high,medium,low,info}'::text[], ${severity})`;
const worse = (look: string, { key, id }: Position): Condition =>
  sql<SqlBool>`(${rank(sql.ref(`${look}.severity`))}, ${sql.ref(`${look}.finding_id`)}) > (${rank(sql`${key}::text`)}, ${id})`;
/** What has no time comes last. */
const never = (time: RawBuilder<unknown>): RawBuilder<Date> => sql<Date>`coalesce(${time}, 'infinity')`;
const dueAfter = ({ key }: Position): RawBuilder<Date> => never(sql`${key}::timestamptz`);
const behindOr = (after: Position | undefined, behind: (after: Position) => Condition): Condition =>
  after === undefined ? sql<SqlBool>`true` : behind(after);
const named = (ids: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(select n.* from (${ids}) w join audit.finding n on n.id = w.finding_id)`;

const ORDER: Record<'id' | Sort, Order> = {
  id: {
    key: sql`null::integer`,
    behind: ({ id }) => sql`f.id > ${id}`,
    walk: (walked, after) =>
      sql`(select * from audit.finding where id > ${after?.id ?? ''} order by id limit ${walked})`,
  },
  due: {
    key: sql`l.due_at`,
    behind: (after) => sql`(${never(sql`l.due_at`)}, f.id) > (${dueAfter(after)}, ${after.id})`,
    walk: (walked, after) =>
      named(sql`select s.finding_id from audit.finding_look s where s.due_at is not null
        and ${behindOr(after, (one) => sql`(s.due_at, s.finding_id) > (${dueAfter(one)}, ${one.id})`)}
        order by s.due_at, s.finding_id limit ${walked}`),
  },
  worst: {
    key: rank(sql`l.severity`),
    behind: (after) => worse('l', after),
    walk: (walked, after) =>
      named(sql`select s.finding_id from audit.finding_look s where ${behindOr(after, (one) => worse('s', one))}
        order by ${rank(sql`s.severity`)}, s.finding_id limit ${walked}`),
  },
};

/** Materialized: what is cut off at the end must not decide how they are looked for. */
async function idsAmong(
  db: DbOrTx,
  findings: RawBuilder<unknown>,
  asked: Condition,
  { after, limit, sort }: Cut,
): Promise<string[]> {
  const { key, behind } = ORDER[sort ?? 'id'];
  const { rows } = await sql<{ id: string }>`
    with fit as materialized (select f.id, ${key} as key from ${findings} f
      left join audit.finding_look l on l.finding_id = f.id where ${behindOr(after, behind)} and ${asked})
    select id from fit order by key nulls last, id limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}
