import type { PackageFact, SectionName } from '../../../../model/facts.ts';
import type { AffectedRange } from '../../../../model/kit.ts';
import { family } from '../ecosystems.ts';
import { isKernel, kernelOf } from '../kernels.ts';
import type { EndpointCheck, PackageCheck } from '../kit/compile.ts';
import { doubt, type Evidence, factsTime, hashesOf, type Judgement, nameOf } from './context.ts';
import { lookAt } from './endpoint.ts';
import type { Mitigation } from './mitigation.ts';
import { describeHolders, holders, listeners, orphanDoubt, outside, startedAt, users } from './listeners.ts';

const SECTIONS: readonly SectionName[] = ['packages', 'processes', 'sockets'];
type Order = Evidence['order'];

/** Is that version of that source package in one of the ranges? null: its versions cannot be compared. */
export function inRanges(
  ranges: readonly AffectedRange[],
  fact: { ecosystem: string; source: string },
  version: string,
  orderOf: Order,
): boolean | null {
  const order = orderOf(fact.ecosystem);
  const about = rangesOf(ranges, fact);
  if (about.length === 0) return false;
  if (!order) return null;
  const told = about.map((range) => inRange(range, version, order));
  return told.includes(true) ? true : told.includes(null) ? null : false;
}

function inRange(range: AffectedRange, version: string, order: NonNullable<ReturnType<Order>>): boolean | null {
  const begun = range.introduced === '0' ? 0 : order(version, range.introduced);
  const fixed = range.fixed === undefined ? -1 : order(version, range.fixed);
  if ((begun !== null && begun < 0) || (fixed !== null && fixed >= 0)) return false;
  return begun === null || fixed === null ? null : true;
}

const rangesOf = (ranges: readonly AffectedRange[], fact: { ecosystem: string; source: string }): AffectedRange[] =>
  ranges.filter((range) => range.name === fact.source && family(range.ecosystem) === family(fact.ecosystem));

const AWAITED = 'it was found safe from outside; what is known from inside is older than that look';

/** What may clear a version in range: looks from outside, or what the host is set to. */
export interface Clearing {
  proof: EndpointCheck | null;
  mitigation: Mitigation | null;
}

interface Proof {
  endpoint: string;
  address: string;
  port: number;
  verdict: Judgement['verdict'];
  probedAt: string | null;
  /** the look was at the process that listens now */
  fresh: boolean;
}

/**
 * Closed means proven: the version on disk is fixed, no process maps or executes a replaced file of the package, and
 * every listener of it was found safe from outside since its process began. Kernels are judged by what runs (kernel.ts).
 */
export function judgePackages(
  kit: string,
  compiled: PackageCheck,
  cleared: Clearing,
  evidence: Evidence,
  watched: ReadonlySet<string>,
): Judgement[] {
  const { affected } = compiled.check;
  const installed = (evidence.facts.packages ?? []).filter(
    (fact) => kernelOf(fact) === null && rangesOf(affected, fact).length > 0,
  );
  const others = [...watched].filter((name) => !isKernel(affected, name));
  const names = new Set([...installed.map((fact) => fact.name), ...others]);
  return [...names].sort().map((name) => {
    const facts = installed.filter((fact) => fact.name === name);
    return new PackageCase(kit, compiled, cleared, evidence, name, facts, watched.has(name)).judge();
  });
}

class PackageCase {
  readonly #kit: string;
  readonly #check: PackageCheck['check'];
  readonly #evidence: Evidence;
  readonly #name: string;
  readonly #facts: readonly PackageFact[];
  readonly #burning: boolean;
  readonly #holders: ReturnType<typeof holders>;
  readonly #proofs: readonly Proof[];
  readonly #mitigation: Mitigation | null;

  constructor(
    kit: string,
    compiled: PackageCheck,
    { proof, mitigation }: Clearing,
    evidence: Evidence,
    name: string,
    facts: readonly PackageFact[],
    burning: boolean,
  ) {
    this.#kit = kit;
    this.#check = compiled.check;
    this.#evidence = evidence;
    this.#name = name;
    this.#facts = facts;
    this.#burning = burning;
    this.#holders = holders(evidence, name);
    this.#mitigation = mitigation;
    this.#proofs = proof ? proofsOf(proof, evidence, name) : [];
  }

  judge(): Judgement {
    const why = doubt(this.#evidence, SECTIONS) ?? orphanDoubt(this.#evidence, this.#name);
    const onDisk = this.#facts.map((fact) =>
      inRanges(this.#check.affected, fact, fact.sourceVersion, this.#evidence.order),
    );
    if (onDisk.includes(true)) return this.#affected(why);
    if (onDisk.includes(null)) return this.#says('unknown', { pending: 'the order of its versions is not known' });
    return this.#holders.length > 0 ? this.#oldRuns() : this.#fixed(why);
  }

  /** The version is in range. Only a look at every listener, with nothing else running, can say that the build is not. */
  #affected(why: string | null): Judgement {
    const judged = this.#proofs.filter((one) => one.verdict !== 'not-applicable');
    const clear = judged.length > 0 && judged.every((one) => one.verdict === 'pass' && one.fresh);
    const clears = clear && this.#holders.length === 0 && why === null;
    if (clears && this.#isSameBuild(judged)) {
      const cleared = 'the version is in range, but looking from outside proves that this build is not affected';
      return this.#says('pass', { proven: true, more: { cleared } });
    }
    const burns = this.#proofs.some((one) => one.verdict === 'fail');
    if (this.#mitigation !== null && !burns && why === null) return this.#setAside(this.#mitigation);
    return this.#says('fail', {
      confidence: burns ? 1 : 0.9,
      pending: clears ? AWAITED : why === null ? null : `not known to be current: ${why}`,
    });
  }

  /** It is no pass by its version: what the host is set to may be otherwise tomorrow. */
  #setAside({ because, seen, facts }: Mitigation): Judgement {
    const mitigation = `not affected by configuration: ${because}`;
    const said = this.#says('pass', { proven: true, more: { mitigated: because, ...seen } });
    return {
      ...said,
      mitigation,
      evidence: { ...said.evidence, facts: { ...hashesOf(this.#evidence, SECTIONS), ...facts } },
    };
  }

  /**
   * Did the look concern the build that the facts name? A finding that burns turns safe because something was changed, so
   * facts from before that look tell of the build before: what closes it is what is known of the host afterwards.
   */
  #isSameBuild(judged: readonly Proof[]): boolean {
    const known = factsTime(this.#evidence, SECTIONS);
    return !this.#burning || judged.every((one) => one.probedAt !== null && one.probedAt <= known);
  }

  /** Nothing is wrong on the disk, but processes run what was there before. */
  #oldRuns(): Judgement {
    const version = this.#facts[0]?.version;
    const disk = version ? `fixed on disk (${this.#name} ${version})` : `${this.#name} was removed from the disk`;
    const pending = `${disk}, but ${describeHolders(this.#holders)}`;
    const burns = this.#proofs.some((one) => one.verdict === 'fail');
    if (this.#burning || burns) return this.#says('fail', { confidence: burns ? 1 : 0.9, pending });
    const judged = this.#proofs.filter((one) => one.verdict !== 'not-applicable');
    const safe = judged.length > 0 && judged.every((one) => one.verdict === 'pass' && one.fresh);
    // Which version the old file was of, nobody knows; without a look from outside that stays open as a question.
    return safe ? this.#says('pass', { proven: true }) : this.#says('unknown', { pending });
  }

  #fixed(why: string | null): Judgement {
    if (why !== null) return this.#says('unknown', { pending: `cannot be proven fixed: ${why}` });
    const open = this.#proofs.filter((one) => !isNegative(one));
    if (open.length === 0) return this.#says(this.#facts.length > 0 ? 'pass' : 'not-applicable', { proven: true });
    const texts = open.map((one) => `${one.endpoint} ${lacks(one)}`);
    return this.#says('pass', {
      pending: `fixed on disk and restarted, but not proven from outside: ${texts.join('; ')}`,
      needs: open.map(({ address, port }) => ({ address, port })),
    });
  }

  #says(
    verdict: Judgement['verdict'],
    more: Partial<Pick<Judgement, 'proven' | 'confidence' | 'pending' | 'needs'>> & { more?: Record<string, unknown> },
  ): Judgement {
    return {
      kit: this.#kit,
      check: this.#check,
      component: this.#name,
      endpoint: null,
      verdict,
      proven: more.proven ?? false,
      confidence: more.confidence ?? 0.9,
      evidence: { ...this.#seen(), ...more.more },
      pending: more.pending ?? null,
      at: factsTime(this.#evidence, SECTIONS),
      needs: more.needs ?? [],
    };
  }

  #seen(): Record<string, unknown> {
    const fact = this.#facts[0];
    const old = new Set(this.#holders);
    return {
      package: this.#name,
      version: fact?.version ?? null,
      ...(fact ? { source: `${fact.source} ${fact.sourceVersion}` } : {}),
      affected: this.#check.affected
        .filter((range) => this.#facts.some((one) => rangesOf([range], one).length > 0))
        .map((range) => `${range.name} ${range.introduced} up to ${range.fixed ?? 'all later ones'}`),
      processes: users(this.#evidence, this.#name).map((process) => ({
        pid: process.pid,
        unit: process.unit,
        old: old.has(process) ? process.replaced.map((file) => file.path) : [],
      })),
      listeners: this.#proofs.map(({ endpoint, verdict, probedAt }) => ({ endpoint, verdict, probedAt })),
      facts: hashesOf(this.#evidence, SECTIONS),
    };
  }
}

function proofsOf(check: EndpointCheck, evidence: Evidence, name: string): Proof[] {
  const proofs = new Map<string, Proof>();
  for (const socket of listeners(evidence, name)) {
    const began = startedAt(evidence, socket);
    for (const { address, port, endpoint } of outside(evidence, socket)) {
      const verdict = endpoint ? lookAt(check, endpoint, evidence.now).verdict : 'unknown';
      const probedAt = endpoint?.probedAt ?? null;
      const fresh =
        endpoint?.state === 'open' && probedAt !== null && (began === null || Date.parse(probedAt) >= began);
      proofs.set(nameOf({ address, port }), {
        endpoint: nameOf({ address, port }),
        address,
        port,
        verdict,
        probedAt,
        fresh,
      });
    }
  }
  return [...proofs.values()];
}

/** A listener that the check says nothing about (it speaks no TLS) has nothing to prove. */
const isNegative = (one: Proof): boolean => one.verdict === 'not-applicable' || (one.verdict === 'pass' && one.fresh);

function lacks(one: Proof): string {
  if (one.verdict === 'fail') return `was found vulnerable at ${one.probedAt}`;
  if (one.verdict === 'pass') return `was looked at (${one.probedAt}) before its process began`;
  return one.probedAt === null ? 'was never looked at' : 'could not be judged';
}
