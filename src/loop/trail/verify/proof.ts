import { createHash } from 'node:crypto';

/** RFC 6962 hashing and proof checking, written anew: the verifier shares no code with the writer. */
export function hashLeaf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update('\u0000').update(bytes).digest();
}

function hashPair(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update('\u0001').update(left).update(right).digest();
}

/** Grows leaf by leaf and keeps only the roots of its complete subtrees, so a trail of any length is checked in O(log n). */
export class Accumulator {
  size = 0;
  #subtrees: { leaves: number; hash: Buffer }[] = [];

  add(leaf: Buffer): void {
    let tree = { leaves: 1, hash: leaf };
    while (this.#subtrees.at(-1)?.leaves === tree.leaves) {
      tree = { leaves: tree.leaves * 2, hash: hashPair(this.#subtrees.pop()!.hash, tree.hash) };
    }
    this.#subtrees.push(tree);
    this.size += 1;
  }

  root(): Buffer {
    const last = this.#subtrees.at(-1);
    if (!last) return createHash('sha256').digest();
    return this.#subtrees.slice(0, -1).reduceRight((right, left) => hashPair(left.hash, right), last.hash);
  }

  copy(): Accumulator {
    const other = new Accumulator();
    other.size = this.size;
    other.#subtrees = [...this.#subtrees];
    return other;
  }
}

/** RFC 9162 §2.1.3.2 */
export function verifyInclusion(
  proof: { index: number; size: number; path: readonly Buffer[] },
  leaf: Buffer,
  root: Buffer,
): boolean {
  if (proof.index < 0 || proof.index >= proof.size) return false;
  let fn = proof.index;
  let sn = proof.size - 1;
  let r = leaf;
  for (const p of proof.path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      r = hashPair(p, r);
      [fn, sn] = skipZeros(fn, sn);
    } else r = hashPair(r, p);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && r.equals(root);
}

/** RFC 9162 §2.1.4.2 */
export function verifyConsistency(
  proof: { from: number; to: number; path: readonly Buffer[] },
  oldRoot: Buffer,
  newRoot: Buffer,
): boolean {
  const { from, to } = proof;
  if (from < 0 || from > to) return false;
  if (from === to) return proof.path.length === 0 && oldRoot.equals(newRoot);
  // An empty tree is a prefix of every tree.
  if (from === 0) return proof.path.length === 0 && oldRoot.equals(new Accumulator().root());
  const roots = rootsOf(from, to, isPowerOfTwo(from) ? [oldRoot, ...proof.path] : proof.path);
  return roots !== null && roots.old.equals(oldRoot) && roots.new.equals(newRoot);
}

/** Both roots that the path leads to; null when its length does not fit. */
function rootsOf(from: number, to: number, path: readonly Buffer[]): { old: Buffer; new: Buffer } | null {
  const first = path[0];
  if (!first) return null;
  let [fn, sn] = dropOnes(from - 1, to - 1);
  let fr = first;
  let sr = first;
  for (const c of path.slice(1)) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      fr = hashPair(c, fr);
      sr = hashPair(c, sr);
      [fn, sn] = skipZeros(fn, sn);
    } else sr = hashPair(sr, c);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? { old: fr, new: sr } : null;
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n));
}

function dropOnes(fn: number, sn: number): [number, number] {
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return [fn, sn];
}

function skipZeros(fn: number, sn: number): [number, number] {
  while (fn % 2 === 0 && fn !== 0) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return [fn, sn];
}
