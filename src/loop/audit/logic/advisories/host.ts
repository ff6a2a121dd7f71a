import { ownVersion } from '../kernels.ts';
import { isImage, isRunning, kernelWith } from './kernel-image.ts';
import { called, type FeedStatement, type Installed, type Match, matchPackage, type OrderOf } from './match.ts';

export interface HostMatch extends Match {
  /** binary packages of the host that it is about */
  packages: string[];
}

export interface HostMatches {
  packages: HostMatch[];
  /** a view of its own: thousands of them would drown everything else */
  kernel: HostMatch[];
}

/**
 * All packages of a host. A kernel is judged by the image that runs; headers, linux-libc-dev, perf and images beside it
 * are no finding of the kernel. `running`: as `uname -r` has it; null: nobody knows, and no image is judged.
 */
export function matchHost(
  statements: readonly FeedStatement[],
  installed: readonly Installed[],
  orderOf: OrderOf,
  running: string | null,
): HostMatches {
  const found = { packages: new Map<string, HostMatch>(), kernel: new Map<string, HostMatch>() };
  const { isBlind, isJudged } = kernelsOf(installed, running);
  const byName = Map.groupBy(statements, keyOf);
  for (const one of installed) {
    const kernel = kernelWith(one);
    if (kernel !== null && !isJudged(one)) continue;
    const asked = kernel === null ? one : asKernel(one, kernel);
    const names = new Set([keyOf({ ...asked, name: asked.source }), keyOf(asked)]);
    const own = [...names].flatMap((name) => byName.get(name) ?? []);
    const list = kernel === null ? found.packages : found.kernel;
    const isUnproven = kernel !== null && isBlind;
    for (const match of matchPackage(own, asked, orderOf))
      add(list, isUnproven ? unproven(match, running) : match, one.label ?? one.name);
  }
  return { packages: [...found.packages.values()], kernel: [...found.kernel.values()] };
}

const keyOf = ({ ecosystem, name }: { ecosystem: string; name: string }): string =>
  `${ecosystem} ${called(ecosystem, name)}`;

/** Blind: no image is the one that runs. Then all of them are asked, and none tells. */
export function kernelsOf(
  installed: readonly Installed[],
  running: string | null,
): { isBlind: boolean; isJudged: (one: Installed) => boolean } {
  const images = installed.filter(isImage);
  const isBlind = !images.some((one) => isRunning(one, running));
  return { isBlind, isJudged: (one) => (isBlind ? images.includes(one) : isRunning(one, running)) };
}

export const unproven = (match: Match, running: string | null): Match => ({
  ...match,
  verdict: 'unknown',
  fix: null,
  why:
    running === null
      ? 'nobody knows which kernel runs'
      : `the kernel that runs, ${running}, is of no installed package`,
});

export const asKernel = (one: Installed, kernel: string): Installed => ({
  ...one,
  source: kernel,
  sourceVersion: ownVersion(one.source, one.sourceVersion),
});

/** Binary packages of one source are one match. */
function add(list: Map<string, HostMatch>, match: Match, name: string): void {
  const { of, name: about } = match.statement;
  const key = [match.id, of, about, match.verdict, match.why].join('\n');
  const same = list.get(key);
  if (same) same.packages.push(name);
  else list.set(key, { ...match, packages: [name] });
}
