import { AppError } from '../../model/errors/index.ts';
import type { ConsistencyProof, InclusionProof } from '../../model/trail.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { consistencyRanges, hashOf, inclusionRanges, nodesOf, rootRange, type Range } from './logic/tree.ts';
import { nodeKey, readNodes } from './store.ts';

/** Hashes of the ranges from stored nodes, in one query. */
export async function hashRanges(db: DbOrTx, ranges: readonly Range[]): Promise<Buffer[]> {
  const stored = await readNodes(db, ranges.flatMap(nodesOf));
  return ranges.map((range) =>
    hashOf(range, (at) => {
      const hash = stored.get(nodeKey(at));
      if (!hash) throw new AppError('TRAIL_NODE_MISSING', { level: at.level, index: at.index });
      return hash;
    }),
  );
}

const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'));

/** Callers check that index < size ≤ the tree's size. */
export async function inclusionProof(db: DbOrTx, index: number, size: number): Promise<InclusionProof> {
  const leaf = { begin: index, end: index + 1 };
  const [root, leafHash, ...path] = hex(await hashRanges(db, [rootRange(size), leaf, ...inclusionRanges(index, size)]));
  return { index, size, leafHash: leafHash!, root: root!, path };
}

export async function consistencyProof(db: DbOrTx, from: number, to: number): Promise<ConsistencyProof> {
  const ranges = [rootRange(from), rootRange(to), ...consistencyRanges(from, to)];
  const [fromRoot, toRoot, ...path] = hex(await hashRanges(db, ranges));
  return { from, to, fromRoot: fromRoot!, toRoot: toRoot!, path };
}
