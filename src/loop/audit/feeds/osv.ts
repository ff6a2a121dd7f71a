import * as z from 'zod';
import { AdvisoryId, Statement, type StatementRange } from '../../../model/statement.ts';
import { WITH_PRO } from '../logic/advisories/offered.ts';
import { isModular, ledStreams, rangeInStream } from '../logic/advisories/modules.ts';
import { splitEcosystem } from '../logic/advisories/release.ts';
import { versionOrder } from '../versions/registry.ts';
import { readChanges } from './changes.ts';
import { Scores, urgencyOf } from './cvss.ts';
import type { FeedContent, FeedMember } from './contract.ts';
import { unfit } from './unfit.ts';
import { LIMITS, isZip, jsonOf, zipEntries } from './unpack.ts';

const Event = z.record(z.string(), z.string());
const Ids = z.array(AdvisoryId).nullish();
const Affected = z.object({
  package: z.object({ ecosystem: z.string(), name: z.string() }).optional(),
  ranges: z.array(z.object({ type: z.string(), events: z.array(Event) })).nullish(),
  versions: z.array(z.string()).nullish(),
  ecosystem_specific: z.looseObject({ urgency: z.string().optional() }).nullish(),
  severity: Scores,
});
const OsvRecord = z.object({
  id: AdvisoryId,
  modified: z.string().optional(),
  withdrawn: z.string().nullish(),
  aliases: Ids,
  related: Ids,
  upstream: Ids,
  affected: z.array(Affected).nullish(),
  severity: Scores,
  summary: z.string().nullish(),
});
type OsvRecord = z.infer<typeof OsvRecord>;

/** Real archives have a record or two that is none; more than that share of them is another format. */
const MOST_SKIPPED = 0.01;
const DAY_MS = 24 * 3_600_000;

/**
 * Distributions whose records name binary packages, and those whose records name sources, or did so once, or may do either.
 * All others name sources, or have one name for both.
 */
const NAMED: Readonly<Record<string, Statement['of']>> = {
  AlmaLinux: 'binary',
  'Azure Linux': 'either',
  Mageia: 'either',
  'Red Hat': 'binary',
  'Rocky Linux': 'either',
  SUSE: 'either',
  openEuler: 'either',
  openSUSE: 'either',
};

/** One record, a list of them, or an archive with one a file. */
export const osv: FeedMember = {
  info: {
    kind: 'osv',
    title: 'OSV: one ecosystem’s vulnerabilities',
    needs: { ecosystem: 'as OSV names it: AlmaLinux, Alpine, npm, PyPI …' },
    ownOf: null,
    covers: 'all',
  },
  url: ({ ecosystem }) =>
    `https://osv-vulnerabilities.storage.googleapis.com/${encodeURIComponent(ecosystem ?? '')}/all.zip`,
  changes: {
    isWholePublished: true,
    list: (url) => (url.endsWith('/all.zip') ? new URL('modified_id.csv', url).href : null),
    read: (text) => readChanges(text, ([at, path]) => ({ path, at }), /^[A-Za-z0-9][\w.:+-]{2,99}$/),
    // Beside the archive. `./`: an id with a colon would be taken for an address of another kind.
    document: (url, path) => new URL(`./${encodeURIComponent(path)}.json`, url).href,
    name: (path) => path.toUpperCase(),
    // The record's own id, of which a CVE's number may stand before it.
    nameOf: ({ id, aliases }) => (aliases[0]?.endsWith(`-${id}`) ? aliases[0] : id).toUpperCase(),
  },
  parse(bytes, { ecosystem }, now = new Date()) {
    const most = LIMITS.statements;
    const skipped: string[] = [];
    const content: FeedContent = { time: null, statements: [], signals: [], skipped };
    let [count, newest] = [0, 0];
    for (const { name, value } of records(bytes)) {
      count += 1;
      const record = readRecord(name, value, now);
      if (typeof record === 'string') {
        skipped.push(record);
        continue;
      }
      newest = Math.max(newest, record.modified ? Date.parse(record.modified) : 0);
      for (const one of record.statements)
        if (ecosystem === undefined || one.ecosystem === ecosystem) content.statements.push(one);
      if (content.statements.length > most) throw new Error(`it says more than ${most} things, which is too much`);
    }
    if (skipped.length > count * MOST_SKIPPED) throw new Error(skipped[0]);
    content.time = newest === 0 ? null : new Date(newest).toISOString();
    return content;
  },
};

function* records(bytes: Uint8Array): Generator<{ name: string; value: unknown }> {
  if (!isZip(bytes)) {
    const value = jsonOf(bytes);
    const list = Array.isArray(value) ? value : [value];
    for (const [at, one] of list.entries()) yield { name: `record ${at + 1}`, value: one };
    return;
  }
  for (const { name, read } of zipEntries(bytes)) {
    if (name.endsWith('.json')) yield { name, value: jsonOf(read()) };
  }
}

/** Or what is wrong with it: one record must not keep all others from being taken. */
function readRecord(
  name: string,
  value: unknown,
  now: Date,
): { modified: string | undefined; statements: Statement[] } | string {
  const id = (value as { id?: unknown } | null)?.id;
  const called = typeof id === 'string' ? `${name} (${id.slice(0, 60)})` : name;
  const said = (error: z.ZodError): string => unfit(`${called} is no OSV record`, error, '.');
  const read = OsvRecord.safeParse(value);
  if (!read.success) return said(read.error);
  const { modified } = read.data;
  if (modified && !(Date.parse(modified) <= now.getTime() + DAY_MS))
    return `${called} was changed in the future, or at no time at all`;
  const statements = statementsOf(read.data);
  for (const one of statements) {
    const { error } = Statement.safeParse(one);
    if (error) return said(error);
  }
  return { modified, statements };
}

/** What was withdrawn says nothing; ranges of commits cannot be compared with a package's version. */
function statementsOf(record: OsvRecord): Statement[] {
  if (record.withdrawn) return [];
  const { id, aliases } = namesOf(record);
  const own = ubuntuPriority(record.severity) ?? urgencyOf(record.severity) ?? erratumUrgency(record);
  const affectedPackages = withoutSecondUbuntu(record.affected ?? []);
  const modular = streamIn(record, affectedPackages);
  return affectedPackages.flatMap((affected): Statement[] => {
    if (!affected.package) return [];
    const { ecosystem, release } = splitEcosystem(affected.package.ecosystem);
    const ranges = (affected.ranges ?? [])
      .filter(({ type }) => type !== 'GIT')
      .flatMap(({ events }) => rangesOf(events, ecosystem))
      .map((range) => inStream(range, modular));
    const versions = affected.versions ?? [];
    if (ranges.length === 0 && versions.length === 0) return [];
    const fixed = newestFix(ranges, ecosystem);
    return [
      {
        ecosystem,
        release,
        name: affected.package.name,
        of: (Object.hasOwn(NAMED, ecosystem) && NAMED[ecosystem]) || 'source',
        id,
        aliases,
        status: fixed === null ? 'affected' : 'fixed',
        ranges,
        versions,
        fixed,
        urgency: urgencyIn(affected) ?? own,
        reason: fixed !== null && PRO.test(affected.package.ecosystem) ? WITH_PRO : null,
      },
    ];
  });
}

/** A distribution's own word is before a score. */
const ubuntuPriority = (scores: OsvRecord['severity']): string | null =>
  (scores ?? []).find(({ type, score }) => type === 'Ubuntu' && /^[a-z]{3,20}$/.test(score))?.score ?? null;

/** Errata of Red Hat's family have their word in front of the summary. Those that mend or add something are no alarm. */
function erratumUrgency({ id, summary, aliases, related, upstream }: OsvRecord): string | null {
  const names = [aliases, related, upstream].flatMap((some) => some ?? []);
  if (/^(?:AL|RH|RL)[BE]A-/.test(id) && !names.some((name) => name.startsWith('CVE-')))
    return 'info (an erratum that names no vulnerability)';
  return /^(?:Critical|Important|Moderate|Low)(?=:)/.exec(summary ?? '')?.[0] ?? null;
}

type Affected = z.infer<typeof Affected>;
const PRO = /^Ubuntu:Pro:(?=\d)/;
/** A distribution's own word is before a score. */
const urgencyIn = ({ ecosystem_specific: specific, severity }: Affected): string | null =>
  specific?.urgency ?? urgencyOf(severity);
const hasFix = ({ ranges }: Affected): boolean =>
  (ranges ?? []).some(({ events }) => events.some((event) => event['fixed'] !== undefined));

/**
 * Ubuntu speaks of a release twice, with Pro and without. A fix that everybody gets is before one that Pro brings, and that
 * one before none at all: then it is told what it takes.
 */
function withoutSecondUbuntu(all: readonly Affected[]): readonly Affected[] {
  if (!all.some((one) => PRO.test(one.package?.ecosystem ?? ''))) return all;
  const keyOf = ({ package: of }: Affected): string => `${of?.ecosystem.replace(PRO, 'Ubuntu:')} ${of?.name}`;
  return [...Map.groupBy(all, keyOf).values()].flatMap((same) => {
    const plain = same.filter((one) => !PRO.test(one.package?.ecosystem ?? ''));
    const pro = same.filter((one) => !plain.includes(one));
    if (plain.length === 0 || pro.length === 0) return same;
    return plain.some(hasFix) || !pro.some(hasFix) ? plain : pro;
  });
}

/** `DEBIAN-CVE-2024-1` is what a distribution says of CVE-2024-1: the same id as in its own feed. */
function namesOf({ id, aliases, related, upstream }: OsvRecord): { id: string; aliases: string[] } {
  const own = (upstream ?? []).find((one) => id.endsWith(`-${one}`));
  const all = new Set([id, ...(aliases ?? []), ...(upstream ?? []), ...(related ?? [])]);
  all.delete(own ?? id);
  return { id: own ?? id, aliases: [...all] };
}

/** Events in the order of their versions: each `introduced` until the next end. */
function rangesOf(events: readonly Record<string, string>[], ecosystem: string): StatementRange[] {
  const order = versionOrder(ecosystem);
  const steps = events.flatMap((event) =>
    (['introduced', 'fixed', 'last_affected'] as const).flatMap((kind) =>
      event[kind] === undefined ? [] : [{ kind, version: event[kind] }],
    ),
  );
  const compare = (a: string, b: string): number =>
    a === '0' ? (b === '0' ? 0 : -1) : b === '0' ? 1 : (order?.(a, b) ?? 0);
  const ranges: StatementRange[] = [];
  for (const { kind, version } of steps.toSorted((a, b) => compare(a.version, b.version))) {
    const last = ranges.at(-1);
    const open = last && last.fixed === undefined && last.lastAffected === undefined ? last : undefined;
    if (kind === 'introduced') {
      if (!open) ranges.push({ introduced: version });
    } else if (open) open[kind === 'fixed' ? 'fixed' : 'lastAffected'] = version;
  }
  return ranges;
}

interface InStream {
  stream: string | null;
  led: ReadonlySet<string>;
}

/** `Important: nodejs:18 security update`: of a module's packages, which stream it is of only the summary says. */
function streamIn({ summary }: OsvRecord, affected: readonly Affected[]): InStream {
  const stream = /^(?:\w+: )?([\w.+-]+:[\w.]+) /.exec(summary ?? '')?.[1] ?? null;
  const fixes = affected.flatMap(({ ranges }) =>
    (ranges ?? []).flatMap(({ events }) => events.flatMap((event) => event['fixed'] ?? [])),
  );
  return { stream, led: ledStreams(fixes.filter(isModular).map((version) => ({ stream, version }))) };
}

function inStream(range: StatementRange, { stream, led }: InStream): StatementRange {
  if (range.introduced !== '0' || range.fixed === undefined || !isModular(range.fixed)) return range;
  return rangeInStream(stream, range.fixed, led);
}

function newestFix(ranges: readonly StatementRange[], ecosystem: string): string | null {
  const order = versionOrder(ecosystem);
  const fixes = ranges.flatMap(({ fixed }) => (fixed === undefined ? [] : [fixed]));
  return fixes.toSorted((a, b) => order?.(a, b) ?? 0).at(-1) ?? null;
}
