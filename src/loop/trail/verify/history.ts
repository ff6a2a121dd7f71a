import { compareGroup, type Damage, type FoundEntry, inWords } from './compare.ts';
import { parseCheckpoint, signedBy, type ParsedCheckpoint, type VerifierKey } from './note.ts';
import { Accumulator, hashLeaf } from './proof.ts';

/** Checks entries against the signed history, group by group, in memory bounded by one group. */
export class History {
  readonly #log: (string | Damage)[] = [];
  checkpoints = 0;
  entries = 0;
  /** what the last good checkpoint signs */
  #tree = new Accumulator();
  #key: VerifierKey | null;
  #group: FoundEntry[] = [];
  #leaves: string[] = [];
  /** a signed root could not be reached: nothing after it can be confirmed */
  #broken = false;
  #remembered: Map<number, { root: string; seen: boolean }>;
  #largestRemembered = 0;

  constructor(key: VerifierKey | null, remembered: readonly string[]) {
    this.#key = key;
    this.#remembered = new Map();
    for (const text of remembered) this.#remember(text);
  }

  /** what was found, once all was read */
  get problems(): string[] {
    return inWords(this.#log);
  }

  get size(): number {
    return this.#tree.size;
  }

  root(): string {
    return this.#tree.root().toString('hex');
  }

  #remember(text: string): void {
    const checkpoint = parseCheckpoint(text);
    if (!checkpoint || !this.#key || !signedBy(checkpoint, this.#key)) {
      const size = checkpoint ? ` of size ${checkpoint.size}` : '';
      this.#log.push(`the remembered checkpoint${size} is not signed by the key of this trail`);
      return;
    }
    const root = checkpoint.root.toString('hex');
    const same = this.#remembered.get(checkpoint.size);
    if (same && same.root !== root) {
      this.#log.push(`two different histories were signed at size ${checkpoint.size}`);
    }
    this.#remembered.set(checkpoint.size, { root, seen: false });
    this.#largestRemembered = Math.max(this.#largestRemembered, checkpoint.size);
    this.#compareRemembered(new Accumulator());
  }

  entry(index: number, text: string, label: string): void {
    this.entries += 1;
    this.#group.push({ index, label, hash: hashLeaf(Buffer.from(text)).toString('hex') });
  }

  checkpoint(text: string, leaves: readonly string[]): void {
    this.#leaves.push(...leaves);
    const checkpoint = parseCheckpoint(text);
    if (!checkpoint) return void this.#log.push(`a checkpoint after entry ${this.size} cannot be read`);
    if (!this.#key || !signedBy(checkpoint, this.#key)) {
      this.#log.push(`the checkpoint of size ${checkpoint.size} is forged: it is not signed by the key of this trail`);
      return;
    }
    this.checkpoints += 1;
    if (!this.#broken) this.#close(checkpoint);
    this.#group = [];
    this.#leaves = [];
  }

  #close(checkpoint: ParsedCheckpoint): void {
    const base = this.#tree.size;
    const vouched = this.#grow(this.#leaves, checkpoint);
    if (vouched) {
      this.#log.push(...compareGroup(base, this.#leaves, this.#group));
      this.#tree = vouched;
      return;
    }
    const actual = this.#grow(
      this.#group.map((entry) => entry.hash),
      checkpoint,
    );
    if (actual) {
      this.#log.push(`the leaf hashes of entries ${base} to ${checkpoint.size - 1} were altered; the entries were not`);
      this.#tree = actual;
      return;
    }
    this.#broken = true;
    const missing = checkpoint.size - base - this.#group.length;
    if (missing > 0) this.#log.push(`${missing} of the entries ${base} to ${checkpoint.size - 1} were removed`);
    if (missing < 0) this.#log.push(`${-missing} entries were inserted between ${base} and ${checkpoint.size - 1}`);
    this.#log.push(
      `entries ${base} to ${checkpoint.size - 1} do not lead to the signed root of size ${checkpoint.size}: ` +
        'they were altered together with their leaf hashes, or the history was rewritten. Nothing after them can be confirmed',
    );
  }

  /** The tree with the leaves added, when that gives exactly what the checkpoint signs. */
  #grow(leaves: readonly string[], checkpoint: ParsedCheckpoint): Accumulator | null {
    if (this.#tree.size + leaves.length !== checkpoint.size) return null;
    const tree = this.#tree.copy();
    const passed: Accumulator[] = [];
    for (const leaf of leaves) {
      tree.add(Buffer.from(leaf, 'hex'));
      if (this.#remembered.has(tree.size)) passed.push(tree.copy());
    }
    if (!tree.root().equals(checkpoint.root)) return null;
    for (const at of passed) this.#compareRemembered(at);
    return tree;
  }

  #compareRemembered(tree: Accumulator): void {
    const remembered = this.#remembered.get(tree.size);
    if (!remembered || remembered.seen) return;
    remembered.seen = true;
    if (tree.root().toString('hex') === remembered.root) return;
    this.#log.push(
      `the first ${tree.size} entries were rewritten: remembered root ${remembered.root}, now ${tree.root().toString('hex')}`,
    );
  }

  end(): void {
    const missing = new Set(this.#log.flatMap((one) => (typeof one !== 'string' && 'leaf' in one ? one.leaf : [])));
    const moved = this.#group.filter((entry) => missing.has(entry.hash));
    this.#log.push(...moved.map((found): Damage => ({ kind: 'inserted', found })));
    const indexes = this.#group.filter((entry) => !moved.includes(entry)).map((entry) => entry.index);
    if (indexes.length > 0) {
      this.#log.push(`entries ${indexes[0]} to ${indexes.at(-1)} are covered by no valid checkpoint`);
    }
    if (this.#largestRemembered > this.size && !this.#broken) {
      this.#log.push(
        `the trail was truncated: a checkpoint of size ${this.#largestRemembered} is remembered, ` +
          `entries ${this.size} to ${this.#largestRemembered - 1} are missing`,
      );
    }
  }
}
