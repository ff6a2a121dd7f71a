import { sql } from 'kysely';
import type { OsFacts } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { FindingFilter } from './face.ts';
import { matchHost } from './logic/advisories/host.ts';
import { isRunning, kernelWith } from './logic/advisories/kernel-image.ts';
import { called, type FeedStatement } from './logic/advisories/match.ts';
import type { ExportedFinding } from './logic/export/findings.ts';
import { streamOfHost } from './logic/advisories/streams.ts';
import { purlOf } from './logic/export/purl.ts';
import {
  type AcceptedPackage,
  ofAccepted,
  ofFinding,
  ofMatch,
  type VexStatement,
  worstOf,
} from './logic/export/vex.ts';
import { type OfSystem, releaseOn } from './logic/interned.ts';
import { type Accepted, acceptedEverywhere, allAccepted } from './store-accepted.ts';
import { statementsCalled, statementsNaming } from './store-feeds.ts';
import { findFindings, plainFinding } from './store-findings.ts';
import { type Priority, prioritiesOf } from './store-vulnerabilities.ts';
import { versionOrder } from './versions/registry.ts';

const PAGE = 500;

/** All findings in the order of their ids, some at a time. */
async function* someFindings(db: DbOrTx, filter: FindingFilter): AsyncGenerator<Finding[]> {
  for (let after = ''; ;) {
    const rows = await findFindings(db, filter, { after, limit: PAGE });
    yield rows.map(plainFinding);
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.id;
  }
}

async function* eachFinding(db: DbOrTx, filter: FindingFilter): AsyncGenerator<Finding> {
  for await (const some of someFindings(db, filter)) yield* some;
}

/** With what is no part of a finding, and asked by whoever reads a list of them: until when it is accepted, and how urgent. */
export async function* findingsToExport(
  db: DbOrTx,
  filter: FindingFilter,
  exceptionEnds: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>,
): AsyncGenerator<ExportedFinding> {
  for await (const some of someFindings(db, filter)) {
    const excepted = some.flatMap(({ exceptionId, state }) =>
      state === 'excepted' && exceptionId ? [exceptionId] : [],
    );
    const [ends, priorities] = await Promise.all([
      exceptionEnds([...new Set(excepted)]),
      prioritiesOf(db, [...new Set(some.flatMap(({ advisories }) => advisories))]),
    ]);
    for (const one of some) yield withContext(one, ends, priorities);
  }
}

function withContext(
  one: Finding,
  ends: ReadonlyMap<string, string>,
  priorities: ReadonlyMap<string, Priority>,
): ExportedFinding {
  const own = one.advisories.flatMap((name) => priorities.get(name.toUpperCase()) ?? []);
  const worst = own.toSorted((a, b) => b.priority - a.priority)[0];
  return {
    ...one,
    exceptedUntil: (one.state === 'excepted' && one.exceptionId && ends.get(one.exceptionId)) || null,
    priority: worst?.priority ?? null,
    factors: worst?.factors ?? [],
  };
}

interface Distinct {
  ecosystem: string;
  name: string;
  version: string;
  arch: string | null;
  source: string;
  source_version: string;
  stream: string | null;
  version_id: string | null;
  updates_from: OsFacts['updatesFrom'] | null;
  foreign: boolean;
  /** the kernel that a host runs, where this may be the image of it */
  running: string | null;
}

/** As many contents are taken apart at a time. */
const CONTENTS_AT_ONCE = 500;

interface Content {
  name: string;
  hash: string;
  version_id: string | null;
  /** as JSON */
  updates_from: string | null;
  kernel: string | null;
}

/** Every package and library of these hosts once, whichever of them have it: what is held of them goes with what is distinct. */
async function distinctPackages(db: DbOrTx, hostIds: readonly string[]): Promise<Distinct[]> {
  const { rows: contents } = await sql<Content>`
    select distinct s.name, s.hash, o.data ->> 'versionId' as version_id,
      o.data ->> 'updatesFrom' as updates_from, case s.name when 'packages' then o.data ->> 'kernel' end as kernel
    from audit.section s
    left join audit.section os on os.host_id = s.host_id and os.name = 'os'
    left join audit.section_content o on o.name = 'os' and o.hash = os.hash
    where s.name in ('packages', 'inventories') and s.hash is not null and s.host_id = ${anyOf(hostIds)}`.execute(db);
  const found = new Map<string, Distinct>();
  for (const [name, own] of Map.groupBy(contents, (content) => content.name))
    for (const some of chunks(own, CONTENTS_AT_ONCE))
      for (const one of await (name === 'packages' ? packagesOf : librariesOf)(db, some)) found.set(keyOf(one), one);
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** In which order they are told, too. */
const keyOf = (one: Distinct): string =>
  JSON.stringify([
    [one.ecosystem, one.source, one.name, one.version, one.arch, one.source_version, one.stream],
    [one.version_id, one.updates_from, one.foreign, one.running],
  ]);

async function packagesOf(db: DbOrTx, contents: readonly Content[]): Promise<Distinct[]> {
  // Grouped before anything is asked of a name: most are on many hosts.
  const { rows } = await sql<Distinct>`
    with told as materialized (
      select p.ecosystem, p.name, p.version, p.arch, p.source, p."sourceVersion" as source_version, p.stream, p.origin,
        u.version_id, u.updates_from::jsonb as updates_from, u.kernel
      from unnest(${contents.map(({ hash }) => hash)}::text[], ${contents.map((one) => one.version_id)}::text[],
        ${contents.map((one) => one.updates_from)}::text[], ${contents.map(({ kernel }) => kernel)}::text[])
        u (hash, version_id, updates_from, kernel)
      join audit.section_content c on c.name = 'packages' and c.hash = u.hash
      cross join jsonb_to_recordset(c.data) p (ecosystem text, name text, version text, arch text, source text,
        "sourceVersion" text, stream text, origin text)
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    select distinct ecosystem, name, version, arch, source, source_version, stream, version_id, updates_from,
      coalesce(origin in ('foreign', 'local'), false) as foreign,
      case when name in ('linux-image-' || kernel, 'linux-image-unsigned-' || kernel, 'linux-image-' || kernel || '-unsigned')
        or name ~ '^(kernel(-.+)?|linux-[a-z]+[0-9]?)$' then kernel end as running
    from told`.execute(db);
  return rows;
}

async function librariesOf(db: DbOrTx, contents: readonly Content[]): Promise<Distinct[]> {
  const { rows } = await sql<Pick<Distinct, 'ecosystem' | 'name' | 'version'>>`
    select p.ecosystem, p.name, p.version from audit.section_content c
    cross join jsonb_to_recordset(c.data -> 'components') p (ecosystem text, name text, version text)
    where c.name = 'inventories' and c.hash = ${anyOf(contents.map(({ hash }) => hash))} group by 1, 2, 3`.execute(db);
  return rows.map((one) => ({
    ...one,
    arch: null,
    source: one.name,
    source_version: one.version,
    stream: null,
    version_id: null,
    updates_from: null,
    foreign: false,
    running: null,
  }));
}

/** What is known of all that these hosts have: their findings first, then what feeds say of each distinct package. */
export async function* vexStatements(
  db: DbOrTx,
  hosts: readonly { id: string; name: string }[],
  advisory: string | undefined,
): AsyncGenerator<VexStatement> {
  const isAsked = (one: VexStatement): boolean =>
    advisory === undefined || [one.vulnerability, ...one.aliases].some((id) => id.toUpperCase() === advisory);
  const live = new Map(hosts.map(({ id, name }) => [id, name]));
  for await (const finding of eachFinding(db, advisory === undefined ? {} : { advisory }))
    if (live.has(finding.hostId))
      yield* ofFinding(finding).filter((one) => one.vulnerability === advisory || isAsked(one));
  const accepted = await allAccepted(db);
  for (const one of accepted) yield* (await acceptedOnHosts(db, one, live)).filter(isAsked);
  const everywhere = await acceptedEverywhere(db);
  const concerns = await whichConcern(db, advisory);
  const distinct = (await distinctPackages(db, [...live.keys()])).filter(concerns);
  const packages = Map.groupBy(distinct, productOf);
  for (const some of chunks([...packages.values()], PAGE)) yield* (await said(db, some, everywhere)).filter(isAsked);
}

/** What its package URL does not tell is no part of it: the same must not be told of twice. */
const productOf = ({ updates_from: _updates, stream: _stream, foreign: _foreign, ...same }: Distinct): string =>
  JSON.stringify(same);

/** Whether anything that names the advisory may be about a package. */
async function whichConcern(db: DbOrTx, advisory: string | undefined): Promise<(one: Distinct) => boolean> {
  if (advisory === undefined) return () => true;
  const statements = await statementsNaming(db, advisory);
  const names = new Set(statements.map(({ ecosystem, name }) => `${ecosystem} ${called(ecosystem, name)}`));
  return (one) => namesOf(one).some((name) => names.has(`${name.ecosystem} ${name.called}`));
}

/** Exceptions for all hosts stand with the packages instead. */
async function acceptedOnHosts(
  db: DbOrTx,
  accepted: Accepted,
  live: ReadonlyMap<string, string>,
): Promise<VexStatement[]> {
  if (accepted.hosts === null) return [];
  const { rows } = await sql<Omit<AcceptedPackage, 'hostName'> & { since: Date }>`
    select h.host_id as "hostId", v.advisory as vulnerability, v.aliases, p.name, p.version,
      m.fix, m.why, m.feed, greatest(h.since, m.since) as since
    from audit.vulnerability v
    join audit.match m on m.advisory = v.advisory and m.until is null and m.verdict = 'affected'
    join audit.package p on p.id = m.package_id
    join audit.package_list l on l.packages @> array[m.package_id]
    join audit.host_list h on h.list_id = l.id and h.until is null
    where upper(${accepted.advisory}) = any(v.answers_to)
      and h.host_id = ${anyOf(accepted.hosts.filter((id) => live.has(id)))}
    order by h.host_id, v.advisory, p.name, p.version`.execute(db);
  const newest = (own: typeof rows): Date =>
    new Date(Math.max(...own.map(({ since }) => since.getTime()), accepted.at?.getTime() ?? 0));
  return [...Map.groupBy(rows, ({ hostId, vulnerability }) => `${hostId} ${vulnerability}`).values()].map((own) =>
    ofAccepted(
      own.map((one) => ({ ...one, hostName: live.get(one.hostId)! })),
      accepted,
      newest(own),
    ),
  );
}

type Everywhere = ReadonlyMap<string, Accepted>;

/**
 * Of a package that is judged otherwise on some hosts (of another stream, by an agent that does not tell a module's, or from
 * elsewhere) the worst is told: whoever reads it knows nothing of hosts.
 */
async function said(db: DbOrTx, packages: readonly Distinct[][], accepted: Everywhere): Promise<VexStatement[]> {
  const names = new Map(
    packages.flat().flatMap((one) => namesOf(one).map((name) => [`${name.ecosystem} ${name.called}`, name] as const)),
  );
  const statements = Map.groupBy(await statementsCalled(db, [...names.values()]), ({ ecosystem, name }) =>
    called(ecosystem, name),
  );
  return packages.flatMap((same) => {
    const kinds = new Map(same.map((one) => [[systemOf(one).stream, one.stream, one.foreign].join(' '), one]));
    return worstOf([...kinds.values()].map((one) => saidOf(one, statements, accepted)));
  });
}

/** A kernel's packages are signed by other sources than what statements speak of. */
const sourceOf = (one: Distinct): string => kernelWith(one) ?? one.source;

function namesOf(one: Distinct): { ecosystem: string; called: string }[] {
  const ecosystem = one.ecosystem.split(':')[0]!;
  return [one.name, one.source, sourceOf(one)].map((name) => ({ ecosystem, called: called(ecosystem, name) }));
}

const systemOf = ({ version_id: versionId, updates_from: updatesFrom }: Distinct): OfSystem => ({
  versionId,
  stream: versionId === null ? null : streamOfHost({ versionId, updatesFrom: updatesFrom ?? undefined }),
});

function saidOf(one: Distinct, statements: ReadonlyMap<string, FeedStatement[]>, accepted: Everywhere): VexStatement[] {
  // Of a kernel's packages only the image that some host runs is judged.
  if (kernelWith(one) !== null && !isRunning({ ...one, sourceVersion: one.source_version }, one.running)) return [];
  const ecosystem = one.ecosystem.split(':')[0]!;
  const purl = purlOf({ ...one, versionId: one.version_id, sourceVersion: one.source_version });
  if (purl === null) return [];
  const named = new Set(namesOf(one).map((name) => name.called));
  const own = [...named].flatMap((name) => statements.get(name) ?? []);
  const installed = {
    ecosystem,
    release: releaseOn(ecosystem, systemOf(one)),
    name: one.name,
    version: one.version,
    source: one.source,
    sourceVersion: one.source_version,
    stream: one.stream,
    foreign: one.foreign,
  };
  const { packages, kernel } = matchHost(own, [installed], versionOrder, one.running);
  return [...packages, ...kernel]
    .map((match) => ofMatch(match, purl, one.name, accepted.get(match.id)))
    .toSorted((a, b) => (a.vulnerability < b.vulnerability ? -1 : 1));
}

/** What stands now, in short: when an exception ends, no time tells of it. */
export async function standingExceptions(db: DbOrTx): Promise<string> {
  return (await allAccepted(db)).map(({ exceptionId, until }) => `${exceptionId} ${until.toISOString()}`).join(' ');
}

/** When the newest of all that is told was so; null: there is nothing to tell. */
export async function newestKnowledge(db: DbOrTx): Promise<Date | null> {
  const { rows } = await sql<{ at: Date | null }>`
    select greatest((select max(last_seen_at) from audit.finding_look), (select max(closed_at) from audit.finding),
      (select max(coalesce(feed_time, ok_at)) from audit.feed_state where digest is not null),
      (select max(received_at) from audit.section where name in ('packages', 'inventories')),
      (select max(accepted_at) from audit.accepted)) as at`.execute(db);
  return rows[0]?.at ?? null;
}
