import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Facts, type PackageFact } from '../src/model/facts.ts';
import { evidenceOf } from '../src/loop/audit/kit-tools/evidence.ts';
import { KITS_DIR, loadKits } from '../src/loop/audit/kit-tools/parse.ts';
import { celOf, judge } from '../src/loop/audit/logic/judge/judge.ts';
import type { Bench, Measured } from './contract.ts';

/** So long may one host's facts take. */
const BAR_MS = 50;
const PACKAGES = 1500;
const figures: string[] = [];

/** The facts of a whole server: those of the fixtures, with as many packages and processes as servers have. */
function serverFacts(): Partial<Facts> {
  const text = readFileSync(join(KITS_DIR, 'linux-baseline/fixtures/base.yaml'), 'utf8');
  const facts = Facts.partial().parse((parse(text) as { facts: unknown }).facts) as Partial<Facts>;
  const one = facts.packages![0]!;
  const packages = Array.from({ length: PACKAGES }, (_, at): PackageFact => ({
    ...one,
    name: `package-${at}`,
    source: `source-${at}`,
  }));
  const process = facts.processes![0]!;
  const processes = Array.from({ length: 300 }, (_, at) => ({
    ...process,
    pid: 5000 + at,
    unit: `unit-${at}.service`,
  }));
  return { ...facts, packages: [...facts.packages!, ...packages], processes: [...facts.processes!, ...processes] };
}

function round(times: number): number {
  const kit = loadKits(KITS_DIR).find((one) => one.kit.kit === 'linux-baseline')!;
  const evidence = evidenceOf({ facts: serverFacts(), endpoints: [], now: '2025-03-01T12:00:00.000Z', addresses: [] });
  const judged = () => judge(kit, evidence, () => new Set(), celOf(evidence));
  const wrong = judged().filter((one) => one.verdict === 'fail' || one.verdict === 'unknown');
  if (wrong.length > 0) throw new Error(`${wrong.length} checks do not pass on facts where all is well`);
  for (let warm = 0; warm < 5; warm += 1) judged();
  const took = Array.from({ length: times }, () => {
    const began = performance.now();
    judged();
    return performance.now() - began;
  }).toSorted((a, b) => a - b);
  const median = took[Math.floor(took.length / 2)]!;
  figures.push(
    `${kit.checks.length} checks, ${PACKAGES} packages: ${median.toFixed(1)} ms a host (${took[0]!.toFixed(1)} to ${took.at(-1)!.toFixed(1)})`,
  );
  return median;
}

export const kits: Bench = {
  name: 'kits',
  claim: 'the whole baseline over one host within 50 ms (peer: that bar)',
  target: 1,
  figures: () => figures,
  missing: () => null,
  run: async (rounds, size): Promise<Measured[]> =>
    Array.from({ length: rounds }, () => ({ ours: 1000 / round(Math.max(5, size / 5)), peer: 1000 / BAR_MS })),
};
