import type { TrailVerdict } from '../../model/trail.ts';
import type { Platform } from '../../platform/context.ts';
import { exportLines } from './export.ts';
import { verifierLine } from './key.ts';
import { rootRange } from './logic/tree.ts';
import { latestCheckpoint, withheldEntries } from './store.ts';
import { hashRanges } from './tree.ts';
import { verifyTrail } from './verify/index.ts';
import { remembered } from './witness.ts';

/**
 * Compares the ledger's rows with the signed tree and with what is remembered outside the database, by the same
 * verifier that checks exports offline.
 */
export async function verifyLive(platform: Platform): Promise<TrailVerdict> {
  const verdict = await verifyTrail(exportLines(platform), {
    key: await verifierLine(platform),
    remembered: await remembered(platform),
  });
  const withheld = await withheldEntries(platform.db);
  const problems = [
    ...verdict.problems,
    ...withheld.map((id) => `entry ${id} was committed but kept from the tree`),
    ...(await nodeProblems(platform)),
  ];
  return { ...verdict, problems, verified: problems.length === 0 };
}

async function nodeProblems(platform: Platform): Promise<string[]> {
  const last = await latestCheckpoint(platform.db);
  if (!last) return [];
  try {
    const [root] = await hashRanges(platform.db, [rootRange(last.size)]);
    return root!.equals(last.root) ? [] : ['the stored tree nodes do not lead to the signed root'];
  } catch (error) {
    return [(error as Error).message];
  }
}
