/** Evidence of a real machine, cut to what one check reads of it. Pure. */
import { only, recordedEvidence } from '../../../../src/loop/audit/kit-tools/fixtures.ts';
import type { RecordedCase } from '../../../../src/loop/audit/kit-tools/recorded.ts';
import type { Judgement } from '../../../../src/loop/audit/logic/judge/context.ts';
import { judge } from '../../../../src/loop/audit/logic/judge/judge.ts';
import { type CompiledKit, sectionsOf } from '../../../../src/loop/audit/logic/kit/compile.ts';
import type { FileFact, ProcessFact } from '../../../../src/model/facts.ts';
import type { Check } from '../../../../src/model/kit.ts';
import { linesFor } from './lines.ts';
import { itemsAt, needed, type Place, placesIn, type SomeFacts, withItems, withNeighbours } from './lists.ts';
import { replaced } from './steady.ts';

/** What a case consists of, and what is judged in it. */
export type Seen = Pick<RecordedCase, 'facts' | 'endpoint' | 'now'>;
export interface Subject {
  kit: CompiledKit;
  check: string;
  component: string;
  /** it has a finding which is open */
  open?: string | undefined;
}

export type Verdict = Pick<Judgement, 'verdict' | 'proven' | 'evidence' | 'pending'>;

/** What the check says of it, from this evidence alone; null: nothing. */
export function saidOf({ kit, check, component, open }: Subject, seen: Seen): Verdict | null {
  const watched = new Set(open === undefined ? [] : [open]);
  const found = judge(only(kit, check), recordedEvidence(seen), () => watched).find(
    (one) => one.check.id === check && one.component === component,
  );
  if (!found) return null;
  const { facts: _, ...evidence } = found.evidence;
  return { verdict: found.verdict, proven: found.proven, evidence, pending: found.pending };
}

const NEIGHBOURS = 2;
/** Of the machine under the lab: no context, and not the same on the next one. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set(['kernel.modules']);
const NO_KERNEL = 'of-the-machine';
const NO_ID = '0'.repeat(32);
const NO_BOOT = '00000000-0000-0000-0000-000000000000';

interface Listed {
  place: Place;
  items: readonly unknown[];
  /** what is needed of them */
  kept: readonly unknown[];
}

export function cut(subject: Subject, seen: Seen): Seen {
  return new Cut(subject, seen).made();
}

class Cut {
  readonly #subject: Subject;
  readonly #said: string;
  readonly #verdict: Verdict | null;
  readonly #check: Check;
  /** lists that its expressions name */
  readonly #reads: readonly string[];
  #seen: Seen;

  constructor(subject: Subject, seen: Seen) {
    this.#subject = subject;
    this.#verdict = saidOf(subject, seen);
    this.#said = JSON.stringify(this.#verdict);
    const check = subject.kit.kit.checks.find(({ id }) => id === subject.check)!;
    this.#check = check;
    this.#reads =
      check.kind === 'package'
        ? ['packages']
        : [...JSON.stringify(check).matchAll(/facts\.([a-zA-Z]+(?:\.[a-zA-Z]+)?)/g)].flatMap(([, path]) => [
            path!,
            path!.split('.')[0]!,
          ]);
    this.#seen = seen;
  }

  made(): Seen {
    this.#sections();
    const whole = this.#facts;
    const lists = placesIn(whole).map((place) => this.#list(place));
    this.#files();
    this.#try(replaced(this.#seen, this.#facts.os?.kernel ?? NO_KERNEL, NO_KERNEL));
    if (this.#facts.os) {
      const os = { ...this.#facts.os, machineId: NO_ID, bootId: NO_BOOT };
      this.#tryFacts({ ...this.#facts, os });
    }
    this.#certificates();
    this.#neighbours(lists);
    return this.#seen;
  }

  get #facts(): SomeFacts {
    return (this.#seen.facts ?? {}) as SomeFacts;
  }

  /** Taken where nothing else comes of it, neither another verdict nor other evidence. */
  #try(seen: Seen): boolean {
    const holds = JSON.stringify(saidOf(this.#subject, seen)) === this.#said;
    if (holds) this.#seen = seen;
    return holds;
  }
  #tryFacts(facts: SomeFacts): boolean {
    return this.#try({ ...this.#seen, facts: facts as Seen['facts'] });
  }

  /** Evidence may quote a text in full: of a text, only the verdict counts. */
  #tryText(facts: SomeFacts): boolean {
    const seen = { ...this.#seen, facts: facts as Seen['facts'] };
    const said = saidOf(this.#subject, seen);
    const holds = said?.verdict === this.#verdict?.verdict && said?.proven === this.#verdict?.proven;
    if (holds) this.#seen = seen;
    return holds;
  }

  #sections(): void {
    const { kit, check } = this.#subject;
    const alone = only(kit, check);
    const reads = sectionsOf([{ ...alone, checks: alone.checks.filter((one) => one.check.id === check) }]);
    for (const section of Object.keys(this.#facts)) {
      const { [section as keyof SomeFacts]: _, ...rest } = this.#facts;
      const isRead = alone.checks.some(({ kind }) => kind === 'host') && reads.has(section);
      if (!isRead) this.#tryFacts(rest);
    }
  }

  /** Leaves what is needed of one list, and says what that is. */
  #list(place: Place): Listed {
    const items = itemsAt(this.#facts, place);
    const before = this.#seen;
    const kept = needed(items, (fewer) => {
      const holds = this.#tryFacts(withItems((before.facts ?? {}) as SomeFacts, place, fewer));
      this.#seen = holds ? this.#seen : before;
      return holds;
    });
    this.#tryFacts(withItems(this.#facts, place, kept));
    return { place, items, kept };
  }

  /** Hashes, texts and, of texts, lines. */
  #files(): void {
    const { files } = this.#facts;
    if (!files) return;
    const put = (at: number, change: Partial<FileFact>): SomeFacts => ({
      ...this.#facts,
      files: this.#facts.files!.map((file, index) => (index === at ? { ...file, ...change } : file)),
    });
    for (const [at, { text }] of files.entries()) {
      this.#tryFacts(put(at, { sha256: null }));
      if (text === null || this.#tryText(put(at, { text: null }))) continue;
      const before = this.#seen;
      const short = linesFor(this.#check, text, (fewer) => {
        this.#seen = before;
        return this.#tryText(put(at, { text: fewer }));
      });
      this.#seen = before;
      this.#tryText(put(at, { text: short }));
    }
  }

  /** In full only where a check reads the names in it: what is in a certificate is told beside it. */
  #certificates(): void {
    const { endpoint } = this.#seen;
    if (!endpoint) return;
    const text = JSON.stringify(endpoint, (key, value: unknown) => (key === 'pem' ? '' : value));
    this.#try({ ...this.#seen, endpoint: JSON.parse(text) as NonNullable<Seen['endpoint']> });
  }

  #neighbours(lists: readonly Listed[]): void {
    const cutFiles = new Map((this.#facts.files ?? []).map((file) => [file.path, file]));
    for (const { place, items, kept } of lists) {
      const [section] = place;
      const isBare = lists.every((other) => other.place[0] !== section || other.kept.length === 0);
      const isConcerned = kept.length > 0 || (isBare && this.#reads.includes(place.join('.')));
      if (!isConcerned || OF_THE_MACHINE.has(place.join('.'))) continue;
      const near = withNeighbours(items, kept, { most: NEIGHBOURS, fits: (item) => isSteady(section, item) });
      const plain = near.map((item) => (section === 'files' ? plainFile(item as FileFact, cutFiles) : item));
      this.#tryFacts(withItems(this.#facts, place, plain));
    }
  }
}

/** As it was cut, or, of a neighbour, without what nobody reads. */
const plainFile = (file: FileFact, cutOnes: ReadonlyMap<string, FileFact>): FileFact =>
  cutOnes.get(file.path) ?? { ...file, sha256: null, text: null };

/** What is there whenever the machine is looked at, and not because somebody is logged in to look. */
const isSteady = (section: string, item: unknown): boolean =>
  section !== 'processes' || /^(?!ssh\.)[a-z]\S*\.service$/.test((item as ProcessFact).unit ?? '');
