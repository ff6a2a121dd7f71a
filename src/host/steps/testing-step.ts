import assert from 'node:assert/strict';
import { isAppError } from '../../model/errors/index.ts';
import { localHost } from '../local.ts';
import type { Seen } from './contract.ts';
import { stepFor, type AnyHostStep } from './index.ts';
import { stepContext, type TestTree } from './testing.ts';

/** What a step saw before and after, on a tree; inspected first, as whoever carries it out does. For tests only. */
export async function perform(
  tree: TestTree,
  step: AnyHostStep,
  given = stepContext(),
): Promise<{ before: Seen; after: Seen }> {
  const host = localHost({ root: tree.root });
  const { before, already } = await stepFor(step).inspect(host, step, given);
  return { before, after: already ?? (await stepFor(step).apply(host, step, before, given)) };
}

/** An error of the catalogue with this code, whose message says all of this. */
export const says =
  (code: string, ...why: RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(isAppError(error), String(error));
    assert.equal(error.code, code, error.message);
    for (const one of why) assert.match(error.message, one);
    return true;
  };
