import { createHash } from 'node:crypto';

function node(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(left)
    .update(right)
    .digest();
}

export interface Consistency {
  from: { size: number; root: string };
  to: { size: number; root: string };
  /** hex hashes, RFC 9162 §2.1.4 */
  path: readonly string[];
}

/** Does the larger tree begin with the smaller one? Recomputes both roots from the path (RFC 9162 §2.1.4.2). */
export function isConsistent({ from, to, path }: Consistency): boolean {
  if (from.size > to.size) return false;
  if (from.size === to.size) return from.root === to.root;
  // Nothing was seen yet: everything continues nothing.
  if (from.size === 0) return true;
  const hashes = path.map((hash): Buffer => Buffer.from(hash, 'hex'));
  const oldRoot = Buffer.from(from.root, 'hex');
  // A complete old tree is itself the first node of the path and is left out of it.
  if (Number.isInteger(Math.log2(from.size))) hashes.unshift(oldRoot);
  const roots = climb(from.size - 1, to.size - 1, hashes);
  return roots !== null && roots.old.equals(oldRoot) && roots.new.toString('hex') === to.root;
}

/** Both roots that the path leads to, from the places of the last leaves; null when its length does not fit. */
function climb(lastOld: number, lastNew: number, [first, ...rest]: Buffer[]): { old: Buffer; new: Buffer } | null {
  if (!first) return null;
  let [left, right] = up(lastOld, lastNew, (place) => place % 2 === 1);
  let [small, large]: [Buffer, Buffer] = [first, first];
  for (const hash of rest) {
    if (right === 0) return null;
    if (left % 2 === 1 || left === right) {
      small = node(hash, small);
      large = node(hash, large);
      [left, right] = up(left, right, (place) => place % 2 === 0 && place !== 0);
    } else large = node(large, hash);
    [left, right] = [half(left), half(right)];
  }
  return right === 0 ? { old: small, new: large } : null;
}

const half = (place: number): number => Math.floor(place / 2);

function up(left: number, right: number, goOn: (left: number) => boolean): [number, number] {
  return goOn(left) ? up(half(left), half(right), goOn) : [left, right];
}
