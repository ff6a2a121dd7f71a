import type { Statement, StatementRange } from '../../../../model/statement.ts';
import { entryOf } from '../../../../model/entry-of.ts';
import { DISTRIBUTIONS } from '../export/purl.ts';
import { bundled } from './errata.ts';
import { inStreams, isOfMajor } from './extended.ts';
import { isModular, rangesFor } from './modules.ts';
import { withoutTwins } from './twins.ts';

export type Order = (a: string, b: string) => number | null;
export type OrderOf = (ecosystem: string) => Order | null;

/** One installed package, as statements are asked about it. */
export interface Installed {
  /** what people call it, where its name alone does not tell */
  label?: string;
  /** without the release */
  ecosystem: string;
  release: string | null;
  name: string;
  version: string;
  source: string;
  sourceVersion: string;
  /** of a module that it was built for, as rpm says: `php:7.4`; null: nobody says */
  stream?: string | null | undefined;
  /** it comes from somewhere else than the distribution, whose statements say nothing about it */
  foreign?: boolean;
}

export interface FeedStatement extends Statement {
  feed: string;
  /** the feed that the distribution itself publishes */
  own: boolean;
  /** when what is in force of that feed was made, in ms */
  time: number;
}

export interface Match {
  id: string;
  /** `bundled`: affected, by an advisory of which all that it names is told of by itself */
  verdict: 'affected' | 'bundled' | 'fixed' | 'not-affected' | 'unknown';
  /** a version to go to that can be had; null: there is none */
  fix: string | null;
  /** one line for people: why it is so */
  why: string;
  statement: FeedStatement;
  /** other names of the same, by which it may have been known before */
  formerly?: readonly string[];
  /** advisories of the distribution that tell of it, and of nothing else that is not told of by itself */
  toldBy?: readonly string[];
}

/**
 * What all that feeds say of one package comes to, one match a vulnerability. A statement of the package's own release is before
 * one of every release, and the distribution's own feed before others; of equals the newer feed counts, and of feeds of one
 * time the worse verdict. A backport was made of what the next release has, whose statements come before those of the
 * release that it is installed on: there the fix is one of an older line. An upstream's statement is never about a
 * distribution's package, whatever it is called: its versions are other versions.
 */
export function matchPackage(statements: readonly FeedStatement[], installed: Installed, orderOf: OrderOf): Match[] {
  const about = statements.filter((statement) => isAbout(statement, installed));
  const byWeight = weighedFor(installed);
  const decide = (some: readonly FeedStatement[]): Match[] =>
    [...Map.groupBy(some, ({ id }) => id).values()].map((same) => {
      const [first, ...others] = same.toSorted(byWeight);
      return others
        .filter((one) => byWeight(first!, one) === 0)
        .map((one) => judge(one, installed, orderOf))
        .reduce(worse, judge(first!, installed, orderOf));
    });
  const matches = isRedHat(installed) ? inStreams(about, installed, decide) : decide(about);
  return bundled(withoutTwins(matches, worseIn(orderOf(installed.ecosystem))));
}

/** Those built of it have no streams beside the main one. */
const isRedHat = ({ ecosystem }: Installed): boolean => ecosystem === 'Red Hat';

const worse = (a: Match, b: Match): Match => (BADNESS[b.verdict] > BADNESS[a.verdict] ? b : a);

/** Of two that burn, the one with the later fix: whoever goes to the earlier one still burns by the other's word. */
const worseIn =
  (order: Order | null) =>
  (a: Match, b: Match): Match => {
    const isLater = a.verdict === b.verdict && a.fix !== null && b.fix !== null && order?.(a.fix, b.fix) === -1;
    return isLater ? b : worse(a, b);
  };

const weighedFor = (installed: Installed): ((a: FeedStatement, b: FeedStatement) => number) => {
  const origin = madeFrom(installed);
  const rank = ({ own, release }: FeedStatement): number =>
    Number(own) * 3 + (release === null ? 0 : release === origin ? 2 : 1);
  return (a, b) => rank(b) - rank(a) || b.time - a.time;
};

const BADNESS: Readonly<Record<Match['verdict'], number>> = {
  affected: 4,
  bundled: 3,
  unknown: 2,
  fixed: 1,
  'not-affected': 0,
};

/** The release that a backport for Debian's release N was made from: what was to become, or is, N + 1. null: it is no backport. */
function madeFrom({ ecosystem, sourceVersion }: Installed): string | null {
  const backport = ecosystem === 'Debian' ? /~bpo(\d+)\+\d+(?:\+b\d+)?$/.exec(sourceVersion) : null;
  return backport ? String(Number(backport[1]) + 1) : null;
}

/** Of the release that a backport was made from, and not of the one that it is on. */
const isOfOrigin = ({ release }: Statement, installed: Installed): boolean =>
  release !== null && release !== installed.release && release === madeFrom(installed);

function isAbout(statement: FeedStatement, installed: Installed): boolean {
  return (
    statement.ecosystem === installed.ecosystem &&
    versionAsNamed(statement, installed) !== null &&
    ([null, installed.release, madeFrom(installed)].includes(statement.release) ||
      (isRedHat(installed) && isOfMajor(statement, installed)))
  );
}

/** The version that the statement speaks of: the binary's own, or its source's; null: it names neither. */
function versionAsNamed({ ecosystem, of, name }: Statement, installed: Installed): string | null {
  const wanted = called(ecosystem, name);
  if (of !== 'source' && called(ecosystem, installed.name) === wanted) return installed.version;
  return of !== 'binary' && called(ecosystem, installed.source) === wanted ? installed.sourceVersion : null;
}

/**
 * An rpm names its source without the epoch, for which facts take the package's own. One whose version is not its source's,
 * as perl-Errno 1.28 of perl 4:5.26.3, may well have another epoch: then versions are compared without any.
 */
function orderFor(
  { ecosystem, version: own, sourceVersion }: Installed,
  asked: string,
  orderOf: OrderOf,
): Order | null {
  const order = orderOf(ecosystem);
  const plain = (version: string): string => version.replace(/^\d+:/, '');
  const isGuessed =
    entryOf(DISTRIBUTIONS, ecosystem)?.[0] === 'rpm' && asked === sourceVersion && plain(own) !== plain(sourceVersion);
  return order && isGuessed ? (a, b) => order(plain(a), plain(b)) : order;
}

/** Raspbian's 1.2-3+rpi1 is Debian's 1.2-3 with what a Raspberry needs, and sorts above its fix 1.2-3+deb12u1. */
const withoutRaspbian = (ecosystem: string, version: string): string =>
  ecosystem === 'Debian' ? version.replace(/\+rp[it]\d+(?=$|[+~])/, '') : version;

/** PyPI takes some different names for the same one (PEP 503). */
export const called = (ecosystem: string, name: string): string =>
  ecosystem === 'PyPI' ? name.toLowerCase().replaceAll(/[-_.]+/g, '-') : name;

function judge(said: FeedStatement, installed: Installed, orderOf: OrderOf): Match {
  const statement = { ...said, ranges: rangesFor(said.ranges, installed.stream) };
  const says = (verdict: Match['verdict'], why: string, fix: string | null = null): Match => ({
    id: statement.id,
    verdict,
    fix,
    why,
    statement,
  });
  if (installed.foreign) return says('unknown', 'it is not the distribution’s package, so its statements say nothing');
  const { status, reason } = statement;
  if (status === 'not-affected') return says('not-affected', reason ?? 'no version of it is affected');
  if (status === 'unassessed') return says('unknown', 'the distribution has not assessed it yet');
  const version = withoutRaspbian(installed.ecosystem, versionAsNamed(statement, installed)!);
  const order = orderFor(installed, version, orderOf);
  const inside = order ? isInside(statement, version, order) : null;
  if (inside === null) return says('unknown', `${version} cannot be compared with the versions of the statement`);
  const streams = inside ? doubtfulStreams(statement, version, order!) : [];
  if (streams.length > 0)
    return says(
      'unknown',
      `it depends on whether it is of the stream ${streams.join(' or ')}, which its version does not tell`,
    );
  const match = inside
    ? affected(statement, version, order!, says)
    : says(...outside(statement, said, version, order!));
  if (!isOfOrigin(statement, installed)) return match;
  return { ...match, why: `${match.why} (a backport, judged as Debian ${statement.release}, which it was made from)` };
}

function outside(
  { fixed, status, ranges }: Statement,
  said: Statement,
  version: string,
  order: Order,
): [Match['verdict'], string] {
  if (ranges.length === 0 && said.ranges.length > 0)
    return ['not-affected', 'what is affected is of another stream of its module'];
  if (fixed === null) return ['not-affected', 'its version is in no affected range'];
  if (isRebuild(version, fixed)) return ['fixed', `${version} is a rebuild of ${fixed}, which has the fix`];
  const isNewer = (order(version, fixed) ?? -1) >= 0;
  return isNewer && status === 'fixed'
    ? ['fixed', `fixed in ${fixed}`]
    : ['not-affected', 'its version is in no affected range'];
}

const WORDS: Readonly<Partial<Record<Statement['status'], string>>> = {
  affected: 'no fix is published',
  'wont-fix': 'the distribution will not fix it',
  deferred: 'the distribution leaves it for later',
  'end-of-life': 'the distribution no longer looks after it',
};

function affected(
  statement: FeedStatement,
  version: string,
  order: Order,
  says: (verdict: Match['verdict'], why: string, fix?: string | null) => Match,
): Match {
  const { status, reason, urgency } = statement;
  const fixed = statement.ranges.find((range) => isInRange(range, version, order) === true)?.fixed ?? null;
  const unimportant = urgency === 'unimportant' ? 'the distribution calls it unimportant' : undefined;
  const word = unimportant ?? WORDS[status] ?? (fixed === null ? WORDS.affected : `fixed in ${fixed}`);
  const said = reason === null ? '' : ` (${reason})`;
  return says('affected', `${word}${said}`, fixed);
}

/** OSV's evaluation: listed by name, or in one of the ranges. null: some of it cannot be compared, and nothing else holds. */
function isInside({ ranges, versions }: Statement, version: string, order: Order): boolean | null {
  if (versions.includes(version)) return true;
  const told = ranges.map((range) => isInRange(range, version, order));
  return told.includes(true) ? true : told.includes(null) ? null : false;
}

/** The streams in which alone it would be affected. */
function doubtfulStreams({ ranges, versions }: Statement, version: string, order: Order): string[] {
  if (versions.includes(version)) return [];
  const inside = ranges.filter((range) => isInRange(range, version, order) === true);
  const streams = inside.flatMap(({ stream }) => stream ?? []);
  return streams.length === inside.length ? streams : [];
}

function isInRange(range: StatementRange, version: string, order: Order): boolean | null {
  const { introduced, fixed, lastAffected } = range;
  if (fixed !== undefined && (isRebuild(version, fixed) || isModular(version) !== isModular(fixed))) return false;
  const bounds = [
    introduced === '0' ? true : holds(order(version, introduced), (one) => one >= 0),
    fixed === undefined ? true : holds(order(version, fixed), (one) => one < 0),
    lastAffected === undefined ? true : holds(order(version, lastAffected), (one) => one <= 0),
  ];
  return bounds.includes(false) ? false : bounds.includes(null) ? null : true;
}

const holds = (difference: number | null, test: (difference: number) => boolean): boolean | null =>
  difference === null ? null : test(difference);

/** Built anew for an older release, a version has what the original has, but sorts below it: 1.1~deb12u1 before 1.1. */
function isRebuild(version: string, fixed: string): boolean {
  return (
    version.startsWith(`${fixed}~`) && /^~(?:deb\d+u\d+|bpo\d+\+\d+)(?:\+b\d+)?$/.test(version.slice(fixed.length))
  );
}
