import { createHash } from 'node:crypto';

/** RFC 6962 §2.1 Merkle tree over stored nodes. `level` 0 = leaves; `index` counts nodes of that level from the left. */
export interface Coordinate {
  level: number;
  index: number;
}
export interface TreeNode extends Coordinate {
  hash: Buffer;
}
/** Half-open range of leaves whose subtree hash is meant. */
export interface Range {
  begin: number;
  end: number;
}
export type NodeReader = (at: Coordinate) => Buffer;

const LEAF = Buffer.from([0x00]);
const NODE = Buffer.from([0x01]);
export const EMPTY_ROOT = createHash('sha256').digest();

export function leafHash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(bytes).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/** Arithmetic instead of bit operators: those are 32 bits wide, tree sizes are not. */
const isOdd = (n: number): boolean => n % 2 === 1;
const half = (n: number): number => Math.floor(n / 2);

/** Largest power of two smaller than n (n ≥ 2). */
function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** The complete subtrees that together cover the range, left to right, as its recursive hash is built. */
export function nodesOf(range: Range): Coordinate[] {
  const size = range.end - range.begin;
  if (size <= 0) return [];
  const level = Math.log2(size);
  if (Number.isInteger(level) && range.begin % size === 0) return [{ level, index: range.begin / size }];
  const middle = range.begin + splitPoint(size);
  return [...nodesOf({ begin: range.begin, end: middle }), ...nodesOf({ begin: middle, end: range.end })];
}

/** MTH of the range, from stored complete subtrees. A ragged right edge folds from the right. */
export function hashOf(range: Range, read: NodeReader): Buffer {
  const hashes = nodesOf(range).map(read);
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

export const rootRange = (size: number): Range => ({ begin: 0, end: size });

/**
 * Appends leaves to a tree of `size` leaves. `frontier` holds the hashes of `nodesOf(rootRange(size))`; the new complete
 * nodes come back (leaves included), and the new frontier: O(log n) hashes per leaf, nothing older is read.
 */
export function append(
  size: number,
  frontier: readonly Buffer[],
  leaves: readonly Buffer[],
): { size: number; frontier: Buffer[]; nodes: TreeNode[] } {
  const stack = [...frontier];
  const nodes: TreeNode[] = [];
  for (const [offset, leaf] of leaves.entries()) {
    let node: TreeNode = { level: 0, index: size + offset, hash: leaf };
    nodes.push(node);
    while (isOdd(node.index)) {
      node = { level: node.level + 1, index: half(node.index), hash: nodeHash(stack.pop()!, node.hash) };
      nodes.push(node);
    }
    stack.push(node.hash);
  }
  return { size: size + leaves.length, frontier: stack, nodes };
}

/** RFC 6962 §2.1.1 PATH(m, D[n]) as ranges, nearest sibling first. */
export function inclusionRanges(index: number, size: number): Range[] {
  const path: Range[] = [];
  let { begin, end } = rootRange(size);
  while (end - begin > 1) {
    const middle = begin + splitPoint(end - begin);
    if (index < middle) {
      path.unshift({ begin: middle, end });
      end = middle;
    } else {
      path.unshift({ begin, end: middle });
      begin = middle;
    }
  }
  return path;
}

/** RFC 6962 §2.1.2 PROOF(m, D[n]) as ranges. Empty when m is 0 or n: there is nothing to prove. */
export function consistencyRanges(from: number, size: number): Range[] {
  if (from <= 0 || from >= size) return [];
  const path: Range[] = [];
  let { begin, end } = rootRange(size);
  // `whole` while the old tree's root is itself the subtree looked at: the verifier has that hash already
  let whole = true;
  while (from !== end) {
    const middle = begin + splitPoint(end - begin);
    if (from <= middle) {
      path.unshift({ begin: middle, end });
      end = middle;
    } else {
      path.unshift({ begin, end: middle });
      begin = middle;
      whole = false;
    }
  }
  if (!whole) path.unshift({ begin, end });
  return path;
}
