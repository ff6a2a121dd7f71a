import { sql } from 'kysely';
import type { Tally } from '../../model/compliance.ts';
import type { DriftValue } from '../../model/finding.ts';
import type { Db, DbOrTx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { Alike, VerdictSet } from './logic/score.ts';
import type { KitVerdicts, Mark } from './logic/verdicts.ts';
import { q } from './tables.ts';

/** What each kit says of the host, by the last look that changed it. */
export async function verdictsOfHost(db: DbOrTx, hostId: string): Promise<Map<string, KitVerdicts>> {
  const rows = await q(db)
    .selectFrom('audit.verdict as v')
    .innerJoin('audit.verdict_set as s', 's.digest', 'v.digest')
    .select(['v.kit', 's.marks', 'v.detail'])
    .where('v.host_id', '=', hostId)
    .orderBy('v.kit')
    .execute();
  return new Map(rows.map(({ kit, marks, detail }) => [kit, { marks, detail }]));
}

export interface NewVerdicts {
  kit: string;
  digest: string;
  drifted: readonly string[];
  verdicts: KitVerdicts;
}

export async function putVerdicts(db: DbOrTx, hostId: string, rows: readonly NewVerdicts[], at: Date): Promise<void> {
  // In one order everywhere: hosts that are alike bring the same sets at the same time.
  const ordered = rows.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  if (ordered.length === 0) return;
  await q(db)
    .insertInto('audit.verdict_set')
    .values(ordered.map(({ kit, digest, verdicts }) => ({ kit, digest, marks: jsonText(verdicts.marks) })))
    // Not "do nothing": a set that nobody had must not be removed before this transaction refers to it.
    .onConflict((c) => c.column('digest').doUpdateSet((e) => ({ kit: e.ref('excluded.kit') })))
    .execute();
  await q(db)
    .insertInto('audit.verdict')
    .values(
      ordered.map(({ kit, digest, drifted, verdicts }) => ({
        host_id: hostId,
        kit,
        digest,
        detail: jsonText(verdicts.detail),
        drifted: [...drifted],
        changed_at: at,
      })),
    )
    .onConflict((c) =>
      c.columns(['host_id', 'kit']).doUpdateSet((e) => ({
        digest: e.ref('excluded.digest'),
        detail: e.ref('excluded.detail'),
        drifted: e.ref('excluded.drifted'),
        changed_at: e.ref('excluded.changed_at'),
      })),
    )
    .execute();
}

/** Of hosts whose place another took, or of kits that say nothing of the host any more. */
export async function removeVerdicts(db: DbOrTx, hostIds: readonly string[], kits?: readonly string[]): Promise<void> {
  if (hostIds.length === 0 || kits?.length === 0) return;
  let rows = q(db).deleteFrom('audit.verdict').where('host_id', '=', anyOf(hostIds));
  if (kits) rows = rows.where('kit', '=', anyOf(kits));
  await rows.execute();
}

/** When each host that was ever heard from inside said last how it is; hosts that were only seen from outside are not there. */
export async function reportedAt(db: DbOrTx, hostIds?: readonly string[]): Promise<Map<string, Date>> {
  let rows = q(db).selectFrom('audit.host_report').selectAll();
  if (hostIds) rows = rows.where('host_id', '=', anyOf(hostIds));
  return new Map((await rows.execute()).map((row) => [row.host_id, row.reported_at]));
}

export interface Grouped {
  hostId: string;
  group: string;
  stale: boolean;
}

/** How many hosts of each group have which verdicts: one row for all that are alike. */
export async function alikeIn(db: DbOrTx, hosts: readonly Grouped[]): Promise<Alike[]> {
  const { rows } = await sql<Omit<Alike, 'hosts'> & { hosts: string }>`
    select g.name as "group", g.stale, v.digest, v.drifted, count(*) as hosts
    from audit.verdict v join ${unnest(hosts)} on g.host_id = v.host_id
    group by 1, 2, 3, 4`.execute(db);
  return rows.map((row) => ({ ...row, hosts: Number(row.hosts) }));
}

const unnest = (hosts: readonly Grouped[]) => sql`unnest(
  ${hosts.map(({ hostId }) => hostId)}::text[], ${hosts.map(({ group }) => group)}::text[],
  ${hosts.map(({ stale }) => stale)}::bool[]) g (host_id, name, stale)`;

/** Of how many of these hosts any kit said anything. */
export async function countJudged(db: DbOrTx, hostIds: readonly string[]): Promise<number> {
  const row = await q(db)
    .selectFrom('audit.verdict')
    .select(sql<string>`count(distinct host_id)`.as('hosts'))
    .where('host_id', '=', anyOf(hostIds))
    .executeTakeFirstOrThrow();
  return Number(row.hosts);
}

/** Failing checks all of whose findings are accepted, on hosts that still report. */
export async function acceptedIn(
  db: DbOrTx,
  hosts: readonly Grouped[],
): Promise<{ hostId: string; group: string; kit: string; check: string }[]> {
  const { rows } = await sql<{ host_id: string; group: string; kit: string; check_id: string }>`
    select f.host_id, g.name as "group", f.kit, f.check_id
    from audit.finding f
    join ${unnest(hosts)} on g.host_id = f.host_id
    join audit.verdict v on v.host_id = f.host_id and v.kit = f.kit
    join audit.verdict_set s on s.digest = v.digest
    where f.state in ('open', 'planned', 'rekindled', 'excepted') and not g.stale and s.marks ->> f.check_id = 'fail'
    group by 1, 2, 3, 4 having bool_and(f.state = 'excepted')`.execute(db);
  return rows.map((row) => ({ hostId: row.host_id, group: row.group, kit: row.kit, check: row.check_id }));
}

export interface DriftRow {
  hostId: string;
  kit: string;
  check: string;
  at: string;
  values: DriftValue[];
}

/** Which of these drifted: each kit’s row of a host has much that is not asked for. */
export async function driftOf(
  db: DbOrTx,
  asked: readonly { hostId: string; kit: string; check: string }[],
): Promise<DriftRow[]> {
  if (asked.length === 0) return [];
  const of = (name: 'hostId' | 'kit' | 'check'): string[] => asked.map((one) => one[name]);
  const { rows } = await sql<Omit<DriftRow, 'at' | 'values'> & { mark: Mark }>`
    select distinct v.host_id as "hostId", v.kit, a.check_id as check, v.detail -> a.check_id as mark
    from unnest(${of('hostId')}::text[], ${of('kit')}::text[], ${of('check')}::text[]) as a (host_id, kit, check_id)
    join audit.verdict v on v.host_id = a.host_id and v.kit = a.kit
    where v.drifted <> '{}' and a.check_id = any(v.drifted)`.execute(db);
  return rows.map(({ mark: { passedUntil, since, values = [] }, ...row }) => ({
    ...row,
    at: passedUntil ?? since,
    values,
  }));
}

export async function setsOf(db: DbOrTx, digests: readonly string[]): Promise<Map<string, VerdictSet>> {
  const rows = await q(db).selectFrom('audit.verdict_set').selectAll().where('digest', '=', anyOf(digests)).execute();
  return new Map(rows.map(({ digest, kit, marks }) => [digest, { kit, marks }]));
}

export interface DayRow {
  dimension: 'estate' | 'kit' | 'owner';
  name: string;
  tally: Tally;
}

/** The day's row is brought up to date until the day is over. */
export async function putDay(db: DbOrTx, day: string, rows: readonly DayRow[]): Promise<void> {
  if (rows.length === 0) return;
  await q(db)
    .insertInto('audit.compliance_day')
    .values(rows.map(({ dimension, name, tally }) => ({ day, dimension, name, tally: jsonText(tally) })))
    .onConflict((c) => c.columns(['day', 'dimension', 'name']).doUpdateSet((e) => ({ tally: e.ref('excluded.tally') })))
    .execute();
}

export async function daysOf(
  db: DbOrTx,
  which: { dimension: DayRow['dimension']; name: string; since: string },
): Promise<{ day: string; tally: Tally }[]> {
  return q(db)
    .selectFrom('audit.compliance_day')
    .select([sql<string>`day::text`.as('day'), 'tally'])
    .where('dimension', '=', which.dimension)
    .where('name', '=', which.name)
    .where('day', '>=', sql<string>`${which.since}::date`)
    .orderBy('day')
    .execute();
}

/** Days from before that one, and sets that no host has any more. */
export async function removeOldVerdicts(db: Db, before: string): Promise<void> {
  await q(db)
    .deleteFrom('audit.compliance_day')
    .where('day', '<', sql<string>`${before}::date`)
    .execute();
  await sql`delete from audit.verdict_set where digest in (
    select s.digest from audit.verdict_set s where not exists (select from audit.verdict v where v.digest = s.digest)
    limit 10000 for update skip locked)`.execute(db);
}
