import { type RawBuilder, sql, type SqlBool } from 'kysely';
import { BURNING, type Finding, type FindingCounts } from '../../model/finding.ts';
import { Severity } from '../../model/kit.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { backwards } from '../../platform/db/like.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { FindingFilter, NowFilter } from './face.ts';

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
  if (filter.advisory !== undefined) asked.push(sql`l.advisories @> ${JSON.stringify([filter.advisory])}::jsonb`);
  return allOf([...asked, ...(now ? asOfNow(now) : [])]);
}

function asOfNow({ overdue, stale, drift, owned, at, staleBefore }: NowAsked): Condition[] {
  const burns = sql`f.state = ${anyOf(BURNING)}`;
  const isOverdue = sql<SqlBool>`(${burns} and coalesce(l.due_at < ${at}, false))`;
  const isStale = sql<SqlBool>`exists (select from audit.host_report r
    where r.host_id = f.host_id and r.reported_at < ${staleBefore})`;
  const drifted = sql<SqlBool>`((${burns} or f.state = 'excepted') and exists (select from audit.verdict v
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
  /** those behind this id, or this `endOf`; not where they are sorted by their time */
  after?: string | undefined;
  limit: number;
  sort?: Sort | undefined;
}

/** The soonest to end first, or the most severe; else in the order of their ids. */
export type Sort = 'due' | 'worst';

/** So many are tried one after the other at first, and at most, before all that fit are looked for. */
const [WALKED, MOST_WALKED] = [500, 30_000];

/**
 * Ids of findings, cut out of all that fit. Where many fit, they are among the first; where few do, or none, those are
 * found from the side that has few. Which it is, PostgreSQL cannot tell where filters depend on one another, and would go
 * through all findings one by one; so both are done, and neither takes long.
 */
export async function findingIds(db: DbOrTx, asked: Condition, cut: Cut, walked = WALKED): Promise<string[]> {
  const walk = (far: number): Promise<string[]> =>
    idsAmong(db, ORDER[cut.sort ?? 'id'].walk(far, cut.after ?? ''), asked, cut);
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
  behind: (after: string) => Condition;
  /** the first ones behind it, to be tried one after the other */
  walk: (walked: number, after: string) => RawBuilder<unknown>;
}

/** As the index `finding_look_worst` has it. */
const rank = (look: string): RawBuilder<number> =>
  sql<number>`array_position('{critical,high,medium,low,info}'::text[], ${sql.ref(`${look}.severity`)})`;
/** Where a page ends: what was told there tells it, whatever became of that finding since. */
export const endOf = ({ id, severity }: Pick<Finding, 'id' | 'severity'>, sort?: Sort): string =>
  sort === 'worst' ? `${severity}:${id}` : id;

function behindInRank(look: string, after: string): Condition {
  if (after === '') return sql<SqlBool>`true`;
  const [, severity, id] = /^([a-z]+):(.*)$/s.exec(after) ?? [];
  const at = Severity.options.findIndex((one) => one === severity) + 1;
  const end =
    at > 0
      ? sql`(${at}::integer, ${id}::text)`
      : sql`(select ${rank('a')}, a.finding_id from audit.finding_look a where a.finding_id = ${after})`;
  return sql<SqlBool>`(${rank(look)}, ${sql.ref(`${look}.finding_id`)}) > ${end}`;
}
const named = (ids: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(select n.* from (${ids}) w join audit.finding n on n.id = w.finding_id)`;

const ORDER: Record<'id' | Sort, Order> = {
  id: {
    key: sql`null::integer`,
    behind: (after) => sql`f.id > ${after}`,
    walk: (walked, after) => sql`(select * from audit.finding where id > ${after} order by id limit ${walked})`,
  },
  due: {
    key: sql`l.due_at`,
    behind: () => sql`true`,
    walk: (walked) =>
      named(sql`select finding_id from audit.finding_look where due_at is not null
        order by due_at, finding_id limit ${walked}`),
  },
  worst: {
    key: rank('l'),
    behind: (after) => behindInRank('l', after),
    walk: (walked, after) =>
      named(sql`select s.finding_id from audit.finding_look s where ${behindInRank('s', after)}
        order by ${rank('s')}, s.finding_id limit ${walked}`),
  },
};

/** Materialized: what is cut off at the end must not decide how they are looked for. */
async function idsAmong(
  db: DbOrTx,
  findings: RawBuilder<unknown>,
  asked: Condition,
  { after = '', limit, sort }: Cut,
): Promise<string[]> {
  const { key, behind } = ORDER[sort ?? 'id'];
  const { rows } = await sql<{ id: string }>`
    with fit as materialized (select f.id, ${key} as key from ${findings} f
      left join audit.finding_look l on l.finding_id = f.id where ${behind(after)} and ${asked})
    select id from fit order by key nulls last, id limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}
