import type { Statement } from '../../../../model/statement.ts';
import { isCve, isErratum } from './errata.ts';
import { isModular, rangesFor } from './modules.ts';
import { compareMinors, mainReleaseOf, minorOf, type Stream, streamInWords, streamOf } from './streams.ts';

interface Installed {
  release: string | null;
  version: string;
  /** of a module, as rpm says */
  stream?: string | null | undefined;
}

interface Judged<S> {
  id: string;
  verdict: 'affected' | 'bundled' | 'fixed' | 'not-affected' | 'unknown';
  fix: string | null;
  why: string;
  statement: S;
}

/** What some statements come to, one match a vulnerability. */
type Decide<S, M> = (statements: readonly S[]) => M[];

/** Why a fix of Red Hat's is none that the host's own stream is known to have. */
export const UNSAID = 'nothing is said of a fix in';

/** Why Red Hat has not assessed a product yet. Of a stream this says nothing that the main stream's word would not be before. */
export const LOOKED_INTO = 'Red Hat is looking into it';
const isLookedInto = ({ status, reason }: Statement): boolean => status === 'unassessed' && reason === LOOKED_INTO;

/** Red Hat speaks of a main stream, and of others beside it that stay on a minor release: `9` and `9.2-eus`. */
export const isOfMajor = (statement: Statement, { release }: Installed): boolean =>
  statement.release !== null && mainReleaseOf(statement.release) === mainReleaseOf(release);

/** A package of Red Hat Enterprise Linux, and what is said of it in all streams. */
interface Asked<S, M> {
  installed: Installed;
  ofMain: readonly S[];
  ofStreams: readonly S[];
  /** by what they are about: those of streams whose fix was built for the minor release that the package was built for */
  alike: ByCve<S>;
  decide: Decide<S, M>;
}

type ByCve<S> = ReadonlyMap<string, readonly S[]>;

/**
 * A package of a host with extended support is judged by what is said of its stream, and by the main stream's word where
 * nothing is: what is unfixed there is unfixed in all streams, and a fix of a later minor release is none that this one has.
 * Everywhere a package that was built for a stream, at or beyond the fix there, has that fix (decision 0089).
 */
export function inStreams<S extends Statement, M extends Judged<S>>(
  about: readonly S[],
  installed: Installed,
  decide: Decide<S, M>,
): M[] {
  const isOfStream = ({ release }: Statement): boolean => streamOf(release) !== null;
  const ofStreams = about.filter(isOfStream);
  const ofMain = about.filter((one) => !isOfStream(one));
  const asked = { installed, ofMain, ofStreams, alike: builtAlike(ofStreams, installed), decide };
  const stream = streamOf(installed.release);
  // Newer than the release that the host is held at, it is from elsewhere.
  if (stream !== null && isWithin(stream, minorOf(installed.version), true))
    return withLast(ofHeld(asked, stream), asked, streamInWords(stream));
  const main = decide(ofMain).map((match) => (match.verdict === 'affected' ? (cleared(asked, match) ?? match) : match));
  return withLast(main, asked, 'the main stream');
}

/**
 * Of a major release whose time is over, documents may name ELS alone: it goes on where everybody's last packages ended, so
 * what it says of a vulnerability of which nothing else is said holds for them, too (decision 0100).
 */
function withLast<S extends Statement, M extends Judged<S>>(matches: M[], asked: Asked<S, M>, its: string): M[] {
  const { installed, ofMain, ofStreams, decide } = asked;
  const last = ofStreams.filter(({ release }) => streamOf(release)!.kind === 'els' && release !== installed.release);
  if (last.length === 0) return matches;
  const known = new Set([...byCve(ofMain).keys(), ...byCve(matches.map(({ statement }) => statement)).keys()]);
  const rest = last.filter((one) => {
    const cves = namedBy(one);
    return !cves.every((cve) => known.has(cve)) && speaksOf(one, installed);
  });
  return [...matches, ...decide(rest).map((match) => elsewhere(match, its))];
}

/** Up to the stream's minor release; `unsaid`: whether what names none is. The last release of a major has no later one. */
function isWithin({ branch }: Stream, minor: string | null, unsaid: boolean): boolean {
  if (!branch.includes('.')) return true;
  return minor === null ? unsaid : compareMinors(minor, branch) <= 0;
}

function ofHeld<S extends Statement, M extends Judged<S>>(asked: Asked<S, M>, stream: Stream): M[] {
  const { installed, ofMain, ofStreams, decide } = asked;
  const isOfIt = (one: S): boolean => speaksOf(one, installed) && !isOutgrown(one, asked);
  const spoken = ofStreams.filter((one) => streamOf(one.release)!.branch === stream.branch && isOfIt(one));
  // What was fixed while this minor release was the newest is in its streams as well.
  const early = ofMain.filter((one) => one.fixed !== null && minorOf(one.fixed) === stream.branch && isOfIt(one));
  const own = decide(nearest(spoken, stream)).map(
    (match) => (match.verdict === 'affected' ? cleared(asked, match) : null) ?? noted(match, stream),
  );
  const known = byCve([...spoken.filter((one) => !isLookedInto(one)), ...early]);
  const told = new Map(own.map((match) => [match.id, match]));
  const isOpen = (id: string): boolean => !told.has(id) || isLookedInto(told.get(id)!.statement);
  const rest = decide(ofMain.filter(({ id }) => isOpen(id)))
    .map((match) => ofMainStream(match, { asked, stream, known }))
    .filter(({ id, verdict }) => !told.has(id) || verdict === 'affected');
  const better = new Set(rest.map(({ id }) => id));
  return [...own.filter(({ id }) => !better.has(id)), ...rest];
}

/**
 * A package that names no minor release came with one: with this one it is older than each fix here. At or beyond such a fix
 * it came with a later one, of which this says nothing.
 */
const isOutgrown = <S extends Statement, M extends Judged<S>>(one: S, { installed, decide }: Asked<S, M>): boolean =>
  minorOf(installed.version) === null &&
  one.fixed !== null &&
  minorOf(one.fixed) !== null &&
  decide([one])[0]?.verdict === 'fixed';

/** Of each vulnerability what is said of the very stream, else of the one that all others of that minor release began as. */
function nearest<S extends Statement>(spoken: readonly S[], { kind }: Stream): S[] {
  const rank = ({ release }: S): number => {
    const its = streamOf(release)!.kind;
    return its === kind ? 2 : Number(its === 'eus');
  };
  return [...Map.groupBy(spoken, ({ id }) => id).values()].flatMap((same) => {
    const best = Math.max(...same.map(rank));
    return same.filter((one) => rank(one) === best);
  });
}

/** Another stream of the same minor release has the fix. */
function noted<M extends Judged<Statement>>(match: M, stream: Stream): M {
  const its = streamOf(match.statement.release)!;
  if (match.verdict !== 'affected' || match.fix === null || its.kind === stream.kind || its.kind === 'eus')
    return match;
  return elsewhere(match, streamInWords(stream));
}

/** The fix is for others. */
function elsewhere<M extends Judged<Statement>>(match: M, its: string): M {
  if (match.verdict !== 'affected' || match.fix === null) return match;
  const of = streamInWords(streamOf(match.statement.release)!);
  return { ...match, why: `${match.why} (for ${of}; ${UNSAID} ${its})` };
}

interface Held<S, M> {
  asked: Asked<S, M>;
  stream: Stream;
  /** all that is said of this stream, by what it is about */
  known: ByCve<S>;
}

/** What the main stream's word on something means to a host that is held at a minor release, whose stream is not spoken of. */
function ofMainStream<S extends Statement, M extends Judged<S>>(match: M, { asked, stream, known }: Held<S, M>): M {
  const { fix, verdict, statement } = match;
  if (verdict !== 'affected') return match;
  const proven = cleared(asked, match);
  if (proven || fix === null || isWithin(stream, minorOf(fix), false)) return proven ?? match;
  const names = streamInWords(stream);
  const cves = namedBy(statement);
  const isAnothers = cves.length === 0 ? isErratum(statement.id) : cves.every((cve) => known.has(cve));
  if (isAnothers)
    return { ...match, verdict: 'not-affected', fix: null, why: `this is the main stream’s; ${names} has its own` };
  return { ...match, why: `${match.why} (of the main stream: ${UNSAID} ${names})` };
}

/** What a statement is about: a vulnerability by its own number, or those that an erratum names. */
const namedBy = ({ id, aliases }: Statement): string[] => (isCve(id) ? [id] : aliases.filter(isCve));

function byCve<S extends Statement>(statements: readonly S[]): ByCve<S> {
  const found = new Map<string, S[]>();
  for (const one of statements)
    for (const cve of namedBy(one)) {
      const there = found.get(cve);
      if (there) there.push(one);
      else found.set(cve, [one]);
    }
  return found;
}

/** Of modules several streams have one minor release, so that this tells nothing. */
function builtAlike<S extends Statement>(ofStreams: readonly S[], { version }: Installed): ByCve<S> {
  const minor = minorOf(version);
  if (minor === null || isModular(version)) return new Map();
  return byCve(ofStreams.filter(({ fixed }) => fixed !== null && minorOf(fixed) === minor && !isModular(fixed)));
}

/**
 * Built for the minor release for which streams have the fix, and at or beyond it: then it is there, whatever the main
 * stream's number is.
 */
function cleared<S extends Statement, M extends Judged<S>>({ alike, decide }: Asked<S, M>, match: M): M | null {
  const cves = namedBy(match.statement);
  const proofs = cves.map((cve) => {
    const told = (alike.get(cve) ?? []).map((one) => decide([one])[0]);
    return told.length > 0 && told.every((one) => one?.verdict === 'fixed') ? told[0]! : null;
  });
  const [proof] = proofs;
  if (!proof || proofs.includes(null)) return null;
  const of = streamInWords(streamOf(proof.statement.release)!);
  return { ...match, verdict: 'fixed', fix: null, why: `${proof.why}, for ${of}` };
}

/** Of a module only where it is of a stream that this is about, and of plain packages where it is about some. */
function speaksOf({ ranges, fixed }: Statement, { version, stream }: Installed): boolean {
  if (fixed === null) return true;
  const plain = version.replace(/^0:/, '');
  return rangesFor(ranges, stream).some(
    ({ introduced, fixed: end }) =>
      end !== undefined &&
      isModular(end) === isModular(version) &&
      (introduced === '0' || !isModular(version) || plain === introduced || /^[.-]/.test(afterOf(plain, introduced))),
  );
}

const afterOf = (text: string, start: string): string => (text.startsWith(start) ? text.slice(start.length) : '');
