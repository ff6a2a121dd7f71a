import { type RawBuilder, type Selectable, sql } from 'kysely';
import type {
  AffectedPackage,
  Vulnerabilities,
  Vulnerability,
  VulnerabilitySeverity,
} from '../../model/vulnerability.ts';
import { isBehind } from '../../model/feed.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { Span } from './logic/vulnerability-life.ts';
import { isErratum } from './logic/advisories/errata.ts';
import { whyNotOffered } from './logic/advisories/offered.ts';
import type { Counts } from './logic/count-hosts.ts';
import { factorsOf, priorityOf, type Weighed } from './logic/priority.ts';
import { feedRows, toFeed } from './store-feeds.ts';
import { offeredOn } from './store-offered.ts';
import type { AuditTables } from './tables.ts';
import { versionOrder } from './versions/registry.ts';

type Row = Selectable<AuditTables['audit.vulnerability']>;
type Count = Pick<Row, 'advisory' | 'aliases' | 'severity' | 'severity_by' | 'sources' | 'packages' | 'fixable'> &
  Counts;

export async function dropCounts(db: DbOrTx, advisories: readonly string[]): Promise<void> {
  if (advisories.length > 0)
    await sql`delete from audit.vulnerability where advisory = ${anyOf(advisories)}`.execute(db);
}

export async function putCounts(db: DbOrTx, counts: readonly Count[]): Promise<void> {
  if (counts.length === 0) return;
  await sql`insert into audit.vulnerability as v
      (advisory, aliases, severity, severity_by, sources, packages, hosts, listening, reached, reached_from, reached_at, important,
       peers, fixable)
    select n.advisory, n.aliases, n.severity, n.severity_by, n.sources, n.packages, n.hosts, n.listening, n.reached, n."reachedFrom",
      n."reachedAt", n.important, n.peers, n.fixable
    from jsonb_to_recordset(${JSON.stringify(counts)}::jsonb) as n (advisory text, aliases text[], severity text, severity_by text,
      sources text[], packages integer, hosts integer, listening integer, reached integer, "reachedFrom" text[],
      "reachedAt" timestamptz, important integer, peers integer, fixable boolean)
    on conflict (advisory) do update set aliases = excluded.aliases, severity = excluded.severity, severity_by = excluded.severity_by,
      sources = excluded.sources, packages = excluded.packages, hosts = excluded.hosts, listening = excluded.listening,
      reached = excluded.reached, reached_from = excluded.reached_from, reached_at = excluded.reached_at,
      important = excluded.important, peers = excluded.peers, fixable = excluded.fixable
    where (v.aliases, v.severity, v.severity_by, v.sources, v.packages, v.hosts, v.listening, v.reached, v.reached_from,
        v.reached_at, v.important, v.peers, v.fixable)
      is distinct from (excluded.aliases, excluded.severity, excluded.severity_by, excluded.sources, excluded.packages, excluded.hosts,
        excluded.listening, excluded.reached, excluded.reached_from, excluded.reached_at, excluded.important,
        excluded.peers, excluded.fixable)`.execute(db);
}

/** Puts what is known of each vulnerability itself beside its counts, and the priority that comes of it. null: of all. */
export async function weigh(db: DbOrTx, advisories: readonly string[] | null): Promise<void> {
  if (advisories?.length === 0) return;
  const which = advisories === null ? sql`true` : sql`v.advisory = ${anyOf(advisories)}`;
  const { rows } = await sql<Weighed & { advisory: string }>`
    select v.advisory, v.severity, v.severity_by, v.hosts, v.listening, v.reached, v.reached_from, v.reached_at, v.important, v.peers,
      coalesce(bool_or(s.kind = 'kev'), false) as exploited,
      coalesce(bool_or((s.body ->> 'ransomware')::boolean), false) as ransomware, max((s.body ->> 'score')::real) as epss
    from audit.vulnerability v cross join lateral unnest(array_append(v.aliases, v.advisory)) c (cve)
    left join audit.signal s on s.cve = c.cve
    where ${which} group by v.advisory`.execute(db);
  for (const some of chunks(rows)) {
    const weighed = some.map((row) => ({ ...row, priority: priorityOf(factorsOf(row)) }));
    await sql`update audit.vulnerability v
      set exploited = n.exploited, ransomware = n.ransomware, epss = n.epss, priority = n.priority
      from jsonb_to_recordset(${JSON.stringify(weighed)}::jsonb)
        as n (advisory text, exploited boolean, ransomware boolean, epss real, priority real)
      where v.advisory = n.advisory and (v.exploited, v.ransomware, v.epss, v.priority)
        is distinct from (n.exploited, n.ransomware, n.epss, n.priority)`.execute(db);
  }
}

export interface VulnerabilityQuery {
  hostId?: string | undefined;
  severity?: VulnerabilitySeverity | undefined;
  exploited?: boolean | undefined;
  fixable?: boolean | undefined;
  overdue?: boolean | undefined;
  accepted?: boolean | undefined;
  /** of the advisory or a package */
  text?: string | undefined;
  limit: number;
  offset: number;
}

/** The most urgent first. */
export async function listVulnerabilities(db: DbOrTx, query: VulnerabilityQuery, now: Date): Promise<Vulnerabilities> {
  const { hostId, limit, offset } = query;
  const where = sql.join(conditions(query, now), sql` and `);
  // Counted apart: of the page, the index by priority gives the rows in order and no others are read.
  const [{ rows }, { rows: counted }] = await Promise.all([
    sql<Accepting>`select v.*, ${ACCEPTED} as until from audit.vulnerability v where ${where}
      order by v.priority desc, v.advisory limit ${limit} offset ${offset}`.execute(db),
    sql<{ total: string }>`select count(*) as total from audit.vulnerability v where ${where}`.execute(db),
  ]);
  const here =
    hostId === undefined
      ? null
      : Map.groupBy(
          await packagesOn(
            db,
            [hostId],
            rows.map(({ advisory }) => advisory),
          ),
          ({ advisory }) => advisory,
        );
  const items = rows.map((row) => {
    const own = here && (here.get(row.advisory) ?? []).map(toPackage);
    return { ...toVulnerability(row, now), ...(own === null ? {} : { here: own }) };
  });
  return { items, total: Number(counted[0]!.total), informed: await isInformed(db), late: await lateFeeds(db, now) };
}

function conditions(query: VulnerabilityQuery, now: Date): RawBuilder<unknown>[] {
  const { hostId, severity, exploited, fixable, overdue, accepted, text } = query;
  return [
    sql`true`,
    ...(severity === undefined ? [] : [sql`v.severity = ${severity}`]),
    ...(exploited ? [sql`v.exploited`] : []),
    ...(fixable ? [sql`v.fixable`] : []),
    ...(overdue === undefined ? [] : [sql`coalesce(v.due_at < ${now}, false) = ${overdue}`]),
    ...(accepted === undefined ? [] : [sql`(${ACCEPTED} is not null) = ${accepted}`]),
    ...(text === undefined
      ? []
      : [
          // Not every feed writes its ids in capitals; what they are asked by is.
          sql`(v.advisory = upper(${text}) or ${text} = any(v.sources) or v.advisory in (
            select s.advisory from audit.statement s where s.ids @> array[upper(${text})])
            ${isErratum(text) ? sql`or v.advisory in (${mendedBy(text)})` : sql``})`,
        ]),
    ...(hostId === undefined
      ? []
      : [
          sql`v.advisory in (select m.advisory from audit.host_list h join audit.package_list l on l.id = h.list_id
            cross join unnest(l.packages) p join audit.match m on m.package_id = p and m.until is null
            where h.host_id = ${hostId} and h.until is null and m.verdict = 'affected')`,
        ]),
  ];
}

/** An advisory of a distribution may be told of under these alone. */
const mendedBy = (erratum: string): RawBuilder<unknown> =>
  sql`select jsonb_array_elements_text(s.body -> 'aliases') from audit.statement s
    where s.ids @> array[upper(${erratum})] and upper(s.advisory) = upper(${erratum})`;

export async function vulnerabilitiesNamed(
  db: DbOrTx,
  advisory: string,
  { ids, now }: { ids: readonly string[]; now: Date },
): Promise<Vulnerability[]> {
  const { rows } = await sql<Accepting>`
    select v.*, ${ACCEPTED} as until from audit.vulnerability v where v.advisory = ${anyOf(ids)} or v.aliases @> array[${advisory}]
    order by v.priority desc, v.advisory`.execute(db);
  return rows.map((row) => toVulnerability(row, now));
}

export type Priority = Pick<Vulnerability, 'priority' | 'factors'>;

/** How urgent each of these is, by its name in capitals, where it is listed by that name or under another. */
export async function prioritiesOf(db: DbOrTx, names: readonly string[]): Promise<Map<string, Priority>> {
  if (names.length === 0) return new Map();
  const { rows } = await sql<Row>`
    select v.* from audit.vulnerability v where v.advisory = ${anyOf(names)} or v.aliases && ${[...names]}::text[]
    order by v.priority`.execute(db);
  // Of several the most urgent one stays.
  return new Map(
    rows.flatMap((row) =>
      row.answers_to.map((name) => [name, { priority: row.priority, factors: factorsOf(row) }] as const),
    ),
  );
}

/** Until when the risk is accepted on all hosts. */
const ACCEPTED = sql<Date | null>`(select max(a.until) from audit.accepted a
  where a.hosts is null and upper(a.advisory) = any(v.answers_to))`;
type Accepting = Row & { until: Date | null };

function toVulnerability(row: Accepting, now: Date): Vulnerability {
  const { advisory, aliases, severity, sources, hosts, fixable, exploited, epss, priority } = row;
  return {
    advisory,
    aliases,
    severity,
    hosts,
    fixable,
    exploited,
    epss,
    priority,
    packages: sources,
    factors: factorsOf(row),
    dueAt: row.due_at?.toISOString() ?? null,
    overdue: row.due_at !== null && row.due_at < now,
    overdueHosts: overdueHosts(row, now),
    acceptedUntil: row.until?.toISOString() ?? null,
  };
}

/** What was counted before its clocks changed tells nothing any more. */
const overdueHosts = ({ due_at: due, overdue_hosts: hosts }: Row, now: Date): number | null =>
  due === null || due >= now ? 0 : hosts;

async function isInformed(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql`select from audit.feed_state where statements > 0 limit 1`.execute(db);
  return rows.length > 0;
}

/** What is newer than what these said last is not listed. */
const lateFeeds = async (db: DbOrTx, now: Date): Promise<string[]> =>
  (await feedRows(db))
    .map(toFeed)
    .filter((feed) => isBehind(feed, now))
    .map(({ name }) => name);

export type PackageOn = AffectedPackage & { hostId: string; advisory: string; sourceVersion: string };

/** Whoever asks for an advisory by its name (in capitals) is told what it affects, whatever that is told of under otherwise. */
export const verdictFor = (asked: string): RawBuilder<string> =>
  sql<string>`case when m.verdict = 'bundled' and upper(m.advisory) = ${asked} then 'affected' else m.verdict end`;

/** Packages of these hosts that these advisories affect now, and whether each host could have the fix. */
export async function packagesOn(
  db: DbOrTx,
  hostIds: readonly string[],
  advisories: readonly string[],
  asked = '',
): Promise<PackageOn[]> {
  const { rows } = await sql<PackageOn>`
    select h.host_id as "hostId", m.advisory, p.ecosystem, p.release, p.name, p.version, p.source,
      p.source_version as "sourceVersion", m.fix, m.why, m.feed
    from audit.host_list h join audit.package_list l on l.id = h.list_id cross join unnest(l.packages) i
    join audit.match m on m.package_id = i and m.until is null and ${verdictFor(asked)} = 'affected'
    join audit.package p on p.id = i
    where h.host_id = ${anyOf(hostIds)} and h.until is null and m.advisory = ${anyOf(advisories)}
    order by h.host_id, p.name, p.version`.execute(db);
  const fixable = rows.filter(({ fix }) => fix !== null);
  if (fixable.length === 0) return rows;
  const offered = await offeredOn(db, fixable);
  return rows.map((row) => {
    const unavailable = whyNotOffered(row, offered(row), versionOrder);
    return unavailable === null ? row : { ...row, unavailable };
  });
}

export const toPackage = ({ hostId: _h, advisory: _a, sourceVersion: _s, ...rest }: PackageOn): AffectedPackage => rest;

/** `isThere`: the host has that package now, whatever is said of it. */
export type HostSpan = Span & { hostId: string; advisory: string; receivedAt: Date | null; isThere: boolean };

/** When each had a package of which that was said: both have to hold, so it is what the two times have in common. */
export async function spansOf(
  db: DbOrTx,
  hostIds: readonly string[],
  advisories: readonly string[],
  asked = '',
): Promise<HostSpan[]> {
  const { rows } = await sql<HostSpan>`
    select h.host_id as "hostId", m.advisory, ${verdictFor(asked)} as verdict, greatest(h.since, m.since) as since, least(h.until, m.until) as until,
      s.received_at as "receivedAt", h.until is null as "isThere"
    from audit.host_list h join audit.package_list l on l.id = h.list_id
    join audit.match m on l.packages @> array[m.package_id]
      and h.since < coalesce(m.until, 'infinity') and m.since < coalesce(h.until, 'infinity')
    left join audit.section s on s.host_id = h.host_id and s.name = h.section
    where h.host_id = ${anyOf(hostIds)} and m.advisory = ${anyOf(advisories)}
      and ${verdictFor(asked)} <> 'bundled'`.execute(db);
  return rows;
}
