import type { PackageFact, SectionName } from '../../../../model/facts.ts';
import type { AffectedRange } from '../../../../model/kit.ts';
import { family } from '../ecosystems.ts';
import { kernelOf, kernelRanges } from '../kernels.ts';
import type { PackageCheck } from '../kit/compile.ts';
import { doubt, type Evidence, factsTime, hashesOf, type Judgement } from './context.ts';
import { inRanges } from './package.ts';

const SECTIONS: readonly SectionName[] = ['os', 'packages'];

/**
 * A kernel is fixed when the one that runs is. One judgement a kernel, however many packages it comes in: each update
 * adds another image, and the old ones stay beside it without harm.
 */
export function judgeKernels(
  kit: string,
  compiled: PackageCheck,
  evidence: Evidence,
  watched: ReadonlySet<string>,
): Judgement[] {
  const ranges = kernelRanges(compiled.check.affected);
  const isConcerned = (fact: PackageFact): boolean =>
    ranges.some((range) => range.name === kernelOf(fact) && family(range.ecosystem) === family(fact.ecosystem));
  const installed = Map.groupBy((evidence.facts.packages ?? []).filter(isConcerned), (fact) => kernelOf(fact)!);
  const before = [...watched].filter((name) => ranges.some((range) => range.name === name));
  return [...new Set([...installed.keys(), ...before])]
    .sort()
    .map((kernel) => new KernelCase(kit, compiled, evidence, kernel, ranges, installed.get(kernel) ?? []).judge());
}

/** Packages that hold the kernel itself. Those of linux-meta only name one, by numbers of their own. */
const isImage = (fact: PackageFact): boolean =>
  fact.name.startsWith('linux-image-') && !/-dbg(?:sym)?$/.test(fact.name) && !/^linux-meta\b/.test(fact.source);

/** The kernel that runs, by the package of its release, or by one that has its very version; null: none of them tells. */
function runningKernel({ facts }: Evidence): string | null {
  const release = facts.os?.kernel;
  const named = new Set([
    `linux-image-${release}`,
    `linux-image-${release}-unsigned`,
    `linux-image-unsigned-${release}`,
    `linux-modules-${release}`,
  ]);
  const kernels = (facts.packages ?? []).filter((fact) => kernelOf(fact) !== null);
  const found =
    kernels.find((fact) => named.has(fact.name)) ??
    kernels.find((fact) => fact.version === (facts.os?.kernelVersion ?? null));
  return found ? kernelOf(found) : null;
}

type Said = Partial<Pick<Judgement, 'proven' | 'pending'>> & { cleared?: string };

class KernelCase {
  readonly #kit: string;
  readonly #check: PackageCheck['check'];
  readonly #evidence: Evidence;
  readonly #kernel: string;
  readonly #ranges: readonly AffectedRange[];
  readonly #images: readonly PackageFact[];
  readonly #ecosystem: string;
  readonly #release: string | null;
  readonly #version: string | null;
  readonly #runs: string | null;

  constructor(
    kit: string,
    compiled: PackageCheck,
    evidence: Evidence,
    kernel: string,
    ranges: readonly AffectedRange[],
    facts: readonly PackageFact[],
  ) {
    this.#kit = kit;
    this.#check = compiled.check;
    this.#evidence = evidence;
    this.#kernel = kernel;
    this.#ranges = ranges;
    this.#images = facts.filter(isImage);
    this.#ecosystem = facts[0]?.ecosystem ?? '';
    this.#release = evidence.facts.os?.kernel ?? null;
    // Facts that were stored before agents said it lack the field.
    this.#version = evidence.facts.os?.kernelVersion ?? null;
    this.#runs = runningKernel(evidence);
  }

  judge(): Judgement {
    const why = doubt(this.#evidence, SECTIONS);
    if (this.#runs !== null && this.#runs !== this.#kernel) return this.#another(this.#runs, why);
    const version = this.#version;
    const isAffected = version === null ? null : this.#inRange(version);
    if (isAffected && (this.#runs !== null || this.#images.length > 0)) return this.#affected(version!, why);
    const untold = this.#untold(isAffected);
    return untold === null ? this.#fixed(version!, why) : this.#blind(untold, why);
  }

  /** The running kernel is in range, whatever else is installed. */
  #affected(version: string, why: string | null): Judgement {
    const fixed = this.#newestFixed();
    const reboot = fixed && `runs ${version}, the fixed ${fixed.version} is installed: reboot`;
    const stale = why && `not known to be current: ${why}`;
    return this.#says('fail', { pending: [reboot, stale].filter(Boolean).join('; ') || null });
  }

  #fixed(version: string, why: string | null): Judgement {
    if (why !== null) return this.#says('unknown', { pending: `cannot be proven fixed: ${why}` });
    const old = this.#images.filter((fact) => this.#inRange(fact.version));
    if (old.length > 0 && this.#newestFixed() === null) {
      const installed = [...new Set(old.map((fact) => fact.version))].join(', ');
      const pending = `runs the fixed ${version}, but only ${installed} is installed: the next boot brings it back`;
      return this.#says('fail', { pending });
    }
    const names = old.map((fact) => fact.name).join(', ');
    return this.#says('pass', {
      proven: true,
      ...(names ? { cleared: `${names} in range, installed but not running` } : {}),
    });
  }

  /** Nobody can tell what runs. What is installed may be enough to open, never to close. */
  #blind(untold: string, why: string | null): Judgement {
    const fixed = this.#newestFixed();
    const disk = fixed ? `fixed on disk (${fixed.name} ${fixed.version}), but ` : '';
    const pending = `${disk}${why === null ? untold : `${untold}: ${why}`}`;
    return this.#says(fixed === null && this.#images.some((fact) => this.#inRange(fact.version)) ? 'fail' : 'unknown', {
      pending,
    });
  }

  /** Why it cannot be told whether the running kernel is affected, or null when it can. */
  #untold(isAffected: boolean | null): string | null {
    if (this.#version === null) return 'the version of the running kernel cannot be told';
    if (this.#runs === null) return `which package the running kernel (${this.#version}) is from cannot be told`;
    if (isAffected === null) return `how the running kernel's version (${this.#version}) is ordered is not known`;
    return null;
  }

  #another(runs: string, why: string | null): Judgement {
    if (why !== null) return this.#says('unknown', { pending: `cannot be proven fixed: ${why}` });
    return this.#says('not-applicable', { proven: true, cleared: `the running kernel (${this.#release}) is ${runs}` });
  }

  #inRange(version: string): boolean | null {
    // Debian's kernels have no epoch: this one is from another archive, whose numbers say nothing about the ranges.
    if (/^\d+:/.test(version)) return null;
    return inRanges(this.#ranges, { ecosystem: this.#ecosystem, source: this.#kernel }, version, this.#evidence.order);
  }

  #newestFixed(): PackageFact | null {
    const order = this.#evidence.order(this.#ecosystem);
    const fixed = this.#images.filter((fact) => fact.status === 'installed' && this.#inRange(fact.version) === false);
    return fixed.toSorted((a, b) => order?.(b.version, a.version) ?? 0)[0] ?? null;
  }

  #says(verdict: Judgement['verdict'], { proven = false, pending = null, cleared }: Said): Judgement {
    return {
      kit: this.#kit,
      check: this.#check,
      component: this.#kernel,
      endpoint: null,
      verdict,
      proven,
      confidence: 0.9,
      evidence: {
        package: this.#kernel,
        kernel: this.#version,
        release: this.#release,
        installed: this.#images.map(({ name, version }) => ({
          package: name,
          version,
          affected: this.#inRange(version),
        })),
        affected: this.#ranges
          .filter((range) => range.name === this.#kernel)
          .map((range) => `${range.name} ${range.introduced} up to ${range.fixed ?? 'all later ones'}`),
        ...(cleared === undefined ? {} : { cleared }),
        facts: hashesOf(this.#evidence, SECTIONS),
      },
      pending,
      at: factsTime(this.#evidence, SECTIONS),
      needs: [],
    };
  }
}
