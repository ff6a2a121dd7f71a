import { isCve, isErratum } from './errata.ts';
import type { FeedStatement, Installed, Match } from './match.ts';
import { isModular } from './modules.ts';
import { compareMinors, mainReleaseOf, minorOf, type Stream, streamInWords, streamOf } from './streams.ts';

/** What some statements come to, one match a vulnerability. */
type Decide = (statements: readonly FeedStatement[]) => Match[];

/** Why a fix of Red Hat's is none that the host's own stream is known to have. */
export const UNSAID = 'nothing is said of a fix in';

/** Red Hat speaks of a main stream, and of others beside it that stay on a minor release: `9` and `9.2-eus`. */
export const isOfMajor = (statement: FeedStatement, { release }: Installed): boolean =>
  statement.release !== null && mainReleaseOf(statement.release) === mainReleaseOf(release);

/** A package of Red Hat Enterprise Linux, and what is said of it in all streams. */
interface Asked {
  installed: Installed;
  ofMain: readonly FeedStatement[];
  ofStreams: readonly FeedStatement[];
  decide: Decide;
}

/**
 * A package of a host with extended support is judged by what is said of its stream, and by the main stream's word where
 * nothing is: what is unfixed there is unfixed in all streams, and a fix of a later minor release is none that this one has.
 * Everywhere a package that was built for a stream, at or beyond the fix there, has that fix (decision 0089).
 */
export function inStreams(about: readonly FeedStatement[], installed: Installed, decide: Decide): Match[] {
  const isOfStream = ({ release }: FeedStatement): boolean => streamOf(release) !== null;
  const ofStreams = about.filter(isOfStream);
  const asked = { installed, ofStreams, ofMain: about.filter((one) => !isOfStream(one)), decide };
  const stream = streamOf(installed.release);
  // Newer than the release that the host is held at, it is from elsewhere.
  if (stream !== null && isWithin(stream, minorOf(installed.version), true)) return ofHeld(asked, stream);
  return decide(asked.ofMain).map((match) => (match.verdict === 'affected' ? (cleared(asked, match) ?? match) : match));
}

/** Up to the stream's minor release; `unsaid`: whether what names none is. The last release of a major has no later one. */
function isWithin({ branch }: Stream, minor: string | null, unsaid: boolean): boolean {
  if (!branch.includes('.')) return true;
  return minor === null ? unsaid : compareMinors(minor, branch) <= 0;
}

function ofHeld(asked: Asked, stream: Stream): Match[] {
  const { installed, ofMain, ofStreams, decide } = asked;
  const isOfIt = (one: FeedStatement): boolean => speaksOf(one, installed.version) && !isOutgrown(one, asked);
  const spoken = ofStreams.filter((one) => streamOf(one.release)!.branch === stream.branch && isOfIt(one));
  // What was fixed while this minor release was the newest is in its streams as well.
  const early = ofMain.filter((one) => one.fixed !== null && minorOf(one.fixed) === stream.branch && isOfIt(one));
  const own = decide(nearest(spoken, stream)).map(
    (match) => (match.verdict === 'affected' ? cleared(asked, match) : null) ?? noted(match, stream),
  );
  const told = new Set(own.map(({ id }) => id));
  const rest = decide(ofMain.filter(({ id }) => !told.has(id)));
  return [...own, ...rest.map((match) => ofMainStream(match, { asked, stream, known: [...spoken, ...early] }))];
}

/**
 * A package that names no minor release came with one: with this one it is older than each fix here. At or beyond such a fix
 * it came with a later one, of which this says nothing.
 */
const isOutgrown = (one: FeedStatement, { installed, decide }: Asked): boolean =>
  minorOf(installed.version) === null &&
  one.fixed !== null &&
  minorOf(one.fixed) !== null &&
  decide([one])[0]?.verdict === 'fixed';

/** Of each vulnerability what is said of the very stream, else of the one that all others of that minor release began as. */
function nearest(spoken: readonly FeedStatement[], { kind }: Stream): FeedStatement[] {
  const rank = ({ release }: FeedStatement): number => {
    const its = streamOf(release)!.kind;
    return its === kind ? 2 : Number(its === 'eus');
  };
  return [...Map.groupBy(spoken, ({ id }) => id).values()].flatMap((same) => {
    const best = Math.max(...same.map(rank));
    return same.filter((one) => rank(one) === best);
  });
}

/** Another stream of the same minor release has the fix. */
function noted(match: Match, stream: Stream): Match {
  const its = streamOf(match.statement.release)!;
  if (match.verdict !== 'affected' || match.fix === null || its.kind === stream.kind || its.kind === 'eus')
    return match;
  return { ...match, why: `${match.why} (for ${streamInWords(its)}; ${UNSAID} ${streamInWords(stream)})` };
}

interface Held {
  asked: Asked;
  stream: Stream;
  /** all that is said of this stream */
  known: readonly FeedStatement[];
}

/** What the main stream's word on something means to a host that is held at a minor release, whose stream is not spoken of. */
function ofMainStream(match: Match, { asked, stream, known }: Held): Match {
  const { fix, verdict, statement } = match;
  if (verdict !== 'affected') return match;
  const proven = cleared(asked, match);
  if (proven || fix === null || isWithin(stream, minorOf(fix), false)) return proven ?? match;
  const names = streamInWords(stream);
  const cves = namedBy(statement);
  const isAnothers = cves.length === 0 ? isErratum(statement.id) : cves.every((cve) => known.some(isNaming(cve)));
  if (isAnothers)
    return { ...match, verdict: 'not-affected', fix: null, why: `this is the main stream’s; ${names} has its own` };
  return { ...match, why: `${match.why} (of the main stream: ${UNSAID} ${names})` };
}

/** What a statement is about: a vulnerability by its own number, or those that an erratum names. */
const namedBy = ({ id, aliases }: FeedStatement): string[] => (isCve(id) ? [id] : aliases.filter(isCve));
const isNaming =
  (cve: string) =>
  (one: FeedStatement): boolean =>
    namedBy(one).includes(cve);

/**
 * Built for the minor release for which streams have the fix, and at or beyond it: then it is there, whatever the main
 * stream's number is. Of modules several streams have one minor release, so that this tells nothing.
 */
function cleared({ installed, ofStreams, decide }: Asked, match: Match): Match | null {
  const minor = minorOf(installed.version);
  const cves = namedBy(match.statement);
  if (minor === null || isModular(installed.version) || cves.length === 0) return null;
  const fixes = ofStreams.filter(({ fixed }) => fixed !== null && minorOf(fixed) === minor && !isModular(fixed));
  const proofs = cves.map((cve) => {
    const told = fixes.filter(isNaming(cve)).map((one) => decide([one])[0]);
    return told.length > 0 && told.every((one) => one?.verdict === 'fixed') ? told[0]! : null;
  });
  const [proof] = proofs;
  if (!proof || proofs.includes(null)) return null;
  const of = streamInWords(streamOf(proof.statement.release)!);
  return { ...match, verdict: 'fixed', fix: null, why: `${proof.why}, for ${of}` };
}

/** Of a module only where it is of a stream that this is about, and of plain packages where it is about some. */
function speaksOf({ ranges, fixed }: FeedStatement, version: string): boolean {
  if (fixed === null) return true;
  const plain = version.replace(/^0:/, '');
  return ranges.some(
    ({ introduced, fixed: end }) =>
      end !== undefined &&
      isModular(end) === isModular(version) &&
      (introduced === '0' || !isModular(version) || plain === introduced || /^[.-]/.test(afterOf(plain, introduced))),
  );
}

const afterOf = (text: string, start: string): string => (text.startsWith(start) ? text.slice(start.length) : '');
