/** What the tests of trials have in common: they are tried in the lab's namespace, and each group is a test. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { ALL_HOSTS } from '../hosts.ts';
import { netnsPath } from '../place.ts';
import { addressOf } from '../spec.ts';
import type { TestLab } from '../testing/lab.ts';
import { keyPath } from '../up.ts';
import type { Input } from './run.ts';
import type { Group, GroupResult, Said, TrialResult } from './spec.ts';

/** One program in the lab's namespace goes through all groups of a host. What came of each, by title. */
export async function tryAll(
  { place }: TestLab,
  name: string,
  runtimes: Input['runtimes'] = null,
): Promise<Map<string, GroupResult>> {
  const address = addressOf(ALL_HOSTS.find((spec) => spec.name === name)!);
  const input: Input = { target: { place, name, address }, user: 'ops', key: keyPath(place), runtimes };
  const script = join(import.meta.dirname, 'run.ts');
  const inside = [`--net=${netnsPath(place.name)}`, process.execPath, script, JSON.stringify(input)];
  const child = spawn('nsenter', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
  const found = new Map<string, GroupResult>();
  for await (const line of createInterface({ input: child.stdout })) {
    const result = JSON.parse(line) as GroupResult;
    found.set(result.title, result);
  }
  return found;
}

const text = (all: readonly Said[]): string => JSON.stringify(all);

/** It failed, and what was done mended all that failed, proven. */
function problemIn({ check, before: earlier, proof, left, after: later }: TrialResult): string | null {
  const failed = earlier.filter(({ verdict }) => verdict === 'fail');
  if (failed.length === 0) return `${check} does not fail on the host that was made bad: ${text(earlier)}`;
  if (proof && (proof[0] !== 0 || proof[1] !== 1))
    return `${check} is not what its proof says, which ended with ${proof[0]} before, and with ${proof[1]} afterwards`;
  const mended = later.filter(({ verdict, proven }) => proven && (verdict === 'pass' || verdict === 'not-applicable'));
  if (mended.length === failed.length && later.length === failed.length) return null;
  return `${check} does not pass afterwards: ${text(later)} ${left.join('; ')}`;
}

/** `results` are there when the tests run. */
export function testGroups(
  groups: readonly Group[],
  results: ReadonlyMap<string, GroupResult>,
  skip: string | false,
): void {
  for (const { title, trials } of groups)
    test(
      `3.12: ${title}: ${trials.length} checks fail on a host made bad, and pass once they are put right`,
      { skip },
      (t) => {
        const result = results.get(title);
        assert.ok(result, 'nothing came of it');
        assert.equal(result.broken, null);
        assert.deepEqual(result.errors, []);
        assert.deepEqual(
          result.trials.flatMap((one) => (one.skipped === null ? (problemIn(one) ?? []) : [])),
          [],
        );
        for (const { check, skipped } of result.trials) if (skipped !== null) t.diagnostic(`${check}: ${skipped}`);
        t.diagnostic(`${result.steps} steps, ${result.seconds} s`);
      },
    );
}
