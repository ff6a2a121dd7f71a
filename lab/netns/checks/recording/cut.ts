/** Evidence of a real machine, cut to what one check reads of it. Pure. */
import { only, recordedEvidence } from '../../../../src/loop/audit/kit-tools/fixtures.ts';
import type { RecordedCase } from '../../../../src/loop/audit/kit-tools/recorded.ts';
import type { Judgement } from '../../../../src/loop/audit/logic/judge/context.ts';
import { judge } from '../../../../src/loop/audit/logic/judge/judge.ts';
import { type CompiledKit, sectionsOf } from '../../../../src/loop/audit/logic/kit/compile.ts';
import type { FileFact, MountFact, ProcessFact } from '../../../../src/model/facts.ts';
import type { Check } from '../../../../src/model/kit.ts';
import { linesFor } from './lines.ts';
import { itemsAt, needed, type Place, placesIn, type SomeFacts, withItems, withNeighbours } from './lists.ts';

/** What a case consists of, and what is judged in it. */
export type Seen = Pick<RecordedCase, 'facts' | 'endpoint' | 'identities' | 'now'>;
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
/** More items of one list nobody reads. */
const MANY = 8;

interface Listed {
  place: Place;
  items: readonly unknown[];
  /** evidence names more of them than anybody reads: only the verdict counts */
  loosely: boolean;
  /** what is needed of them */
  kept: readonly unknown[];
}

export function cut(subject: Subject, seen: Seen): Seen {
  return new Cut(subject, seen).made();
}

/** What is left so far, and what the check says of it. */
interface State {
  seen: Seen;
  said: Verdict | null;
}

class Cut {
  readonly #subject: Subject;
  readonly #check: Check;
  /** lists that its expressions name */
  readonly #reads: readonly string[];
  #state: State;

  constructor(subject: Subject, seen: Seen) {
    this.#subject = subject;
    this.#check = subject.kit.kit.checks.find(({ id }) => id === subject.check)!;
    const named = [...JSON.stringify(this.#check).matchAll(/facts\.([a-zA-Z]+)((?:\.[a-zA-Z]+)?)/g)];
    this.#reads =
      this.#check.kind === 'package'
        ? ['packages']
        : named.flatMap(([, section, field]) => [section!, section! + field!]);
    this.#state = { seen, said: saidOf(subject, seen) };
  }

  made(): Seen {
    this.#sections();
    const lists = placesIn(this.#facts).map((place) => this.#list(place));
    this.#files();
    this.#certificates();
    this.#neighbours(lists);
    const { facts, ...rest } = this.#state.seen;
    return Object.keys(facts ?? {}).length > 0 ? this.#state.seen : rest;
  }

  get #facts(): SomeFacts {
    return (this.#state.seen.facts ?? {}) as SomeFacts;
  }

  /** Taken where nothing else comes of it; `loosely`: where evidence quotes in full what is cut, the verdict is enough. */
  #try(seen: Seen, loosely = false): boolean {
    const said = saidOf(this.#subject, seen);
    const { said: before } = this.#state;
    const same = loosely
      ? said?.verdict === before?.verdict && said?.proven === before?.proven
      : JSON.stringify(said) === JSON.stringify(before);
    if (same) this.#state = { seen, said };
    return same;
  }
  #tryFacts(facts: SomeFacts, loosely = false): boolean {
    return this.#try({ ...this.#state.seen, facts: facts as Seen['facts'] }, loosely);
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
    const exact = this.#need(place, items, false);
    const loosely = exact.length > MANY;
    return { place, items, loosely, kept: loosely ? this.#need(place, exact, true) : exact };
  }

  #need(place: Place, items: readonly unknown[], loosely: boolean): readonly unknown[] {
    const before = this.#state;
    const put = (some: readonly unknown[]): boolean => {
      this.#state = before;
      return this.#tryFacts(withItems(this.#facts, place, some), loosely);
    };
    const kept = needed(items, put);
    put(kept);
    return kept;
  }

  /** Hashes, texts and, of texts, lines. */
  #files(): void {
    const put = (at: number, change: Partial<FileFact>): SomeFacts => ({
      ...this.#facts,
      files: this.#facts.files!.map((file, index) => (index === at ? { ...file, ...change } : file)),
    });
    const readsText = /\.text\b/.test(JSON.stringify(this.#check));
    for (const [at, { text }] of (this.#facts.files ?? []).entries()) {
      this.#tryFacts(put(at, { sha256: null }));
      if (text === null || (!readsText && this.#tryFacts(put(at, { text: null })))) continue;
      const before = this.#state;
      const holds = (fewer: string): boolean => {
        this.#state = before;
        return this.#tryFacts(put(at, { text: fewer }), true);
      };
      holds(linesFor(this.#check, text, holds));
    }
  }

  /** In full only where a check reads the names in it: what is in a certificate is told beside it. */
  #certificates(): void {
    const { endpoint } = this.#state.seen;
    if (!endpoint) return;
    const text = JSON.stringify(endpoint, (key, value: unknown) => (key === 'pem' ? '' : value));
    this.#try({ ...this.#state.seen, endpoint: JSON.parse(text) as NonNullable<Seen['endpoint']> });
  }

  #neighbours(lists: readonly Listed[]): void {
    const cutFiles = new Map((this.#facts.files ?? []).map((file) => [file.path, file]));
    for (const { place, items, kept, loosely } of lists) {
      const [section] = place;
      const isBare = lists.every((other) => other.place[0] !== section || other.kept.length === 0);
      const isConcerned = kept.length > 0 || (isBare && this.#reads.includes(place.join('.')));
      if (!isConcerned || OF_THE_MACHINE.has(place.join('.'))) continue;
      const near = withNeighbours(items, kept, { most: NEIGHBOURS, fits: (item) => isSteady(section, item) });
      const plain = near.map((item) => (section === 'files' ? plainFile(item as FileFact, cutFiles) : item));
      this.#tryFacts(withItems(this.#facts, place, plain), loosely);
    }
  }
}

/** As it was cut, or, of a neighbour, without what nobody reads. */
const plainFile = (file: FileFact, cutOnes: ReadonlyMap<string, FileFact>): FileFact =>
  cutOnes.get(file.path) ?? { ...file, sha256: null, text: null };

/** What is there whenever the machine is looked at, and not because somebody is logged in to look. */
function isSteady(section: string, item: unknown): boolean {
  if (section === 'mounts') return !(item as MountFact).target.startsWith('/proc/');
  return section !== 'processes' || /^(?!ssh\.)[a-z]\S*\.service$/.test((item as ProcessFact).unit ?? '');
}
