import type { PackageFact } from '../../../model/facts.ts';
import { asKernel, kernelsOf, unproven } from './advisories/host.ts';
import { kernelWith } from './advisories/kernel-image.ts';
import {
  called,
  type FeedStatement,
  type Installed,
  type Match,
  matchPackage,
  type OrderOf,
} from './advisories/match.ts';
import { releaseOf } from './advisories/release.ts';

/** One installed package, as it is the same on all hosts that have it. */
export interface Interned {
  ecosystem: string;
  release: string | null;
  name: string;
  version: string;
  source: string;
  sourceVersion: string;
  /** of a module that it was built for; null: nobody says */
  stream: string | null;
  foreign: boolean;
  /** a program brought it along */
  library: boolean;
  /** empty: no kernel; `runs`, `beside`, or `?` and what runs instead */
  kernel: string;
}

/** What of a host decides which release its packages are judged as. */
export interface OfSystem {
  /** os-release's */
  versionId: string | null;
  /** Red Hat's extended support, `9.2-eus`; null: none that is known */
  stream: string | null;
}

export const releaseOn = (ecosystem: string, { versionId, stream }: OfSystem): string | null =>
  ecosystem === 'Red Hat' && stream !== null ? stream : releaseOf(ecosystem, versionId);

/** A package as its host tells of it. */
export function asInstalled(fact: PackageFact, system: OfSystem): Installed & { library: boolean } {
  const { name, version, source, sourceVersion, origin } = fact;
  const ecosystem = fact.ecosystem.split(':')[0]!;
  return {
    ecosystem,
    release: releaseOn(ecosystem, system),
    name,
    version,
    source,
    sourceVersion,
    stream: fact.stream ?? null,
    foreign: origin === 'foreign' || origin === 'local',
    library: false,
  };
}

/** No statement names anything longer. */
const LONGEST_NAME = 300;

/**
 * The packages of a host, each once. Which kernel runs is the host's matter and not the package's: so an image that runs
 * and the same image beside it are two packages.
 */
export function interned(installed: readonly (Installed & { library: boolean })[], running: string | null): Interned[] {
  const { isBlind, isJudged } = kernelsOf(installed, running);
  const kernelState = (one: Installed): string => {
    if (kernelWith(one) === null) return '';
    if (!isJudged(one)) return 'beside';
    return isBlind ? `?${running ?? ''}` : 'runs';
  };
  const found = new Map<string, Interned>();
  for (const one of installed) {
    if (one.name.length > LONGEST_NAME || one.source.length > LONGEST_NAME) continue;
    const stream = (one.stream ?? '').length > LONGEST_NAME ? null : (one.stream ?? null);
    const { ecosystem, release, name, version, source, sourceVersion, foreign = false, library } = one;
    const kernel = library ? '' : kernelState(one);
    const plain = { ecosystem, release, name, version, source, sourceVersion, stream, foreign, library, kernel };
    found.set(JSON.stringify(plain), plain);
  }
  return [...found.values()];
}

/** As statements about sources and about binary packages name it. */
export function namesOf(one: Interned): { asSource: string; asBinary: string } {
  const { ecosystem, name, source } = asAsked(one);
  return { asSource: called(ecosystem, source), asBinary: called(ecosystem, name) };
}

const asAsked = (one: Interned): Installed => {
  const kernel = one.kernel === '' ? null : kernelWith(one);
  return kernel === null ? one : asKernel(one, kernel);
};

/** What feeds come to about it, by the rules for whole hosts. Images beside the one that runs are asked about nothing. */
export function matchInterned(statements: readonly FeedStatement[], one: Interned, orderOf: OrderOf): Match[] {
  if (one.kernel === 'beside') return [];
  const matches = matchPackage(statements, asAsked(one), orderOf);
  return one.kernel.startsWith('?') ? matches.map((match) => unproven(match, one.kernel.slice(1) || null)) : matches;
}
