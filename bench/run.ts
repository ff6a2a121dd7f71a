/**
 * `npm run bench [-- NAME…] [--smoke]`: each claim as a ratio against its peer, the median of interleaved rounds.
 * `--smoke` runs each once and small, to see that it still runs; it judges nothing but the verdicts.
 */
import { heartbleed } from './heartbleed.ts';
import { agent } from './agent.ts';
import { audit } from './audit.ts';
import { baseline } from './baseline.ts';
import { churn } from './churn.ts';
import { deploying } from './deploying.ts';
import { kits } from './kits.ts';
import { patching } from './patching.ts';
import { reconcile } from './reconcile.ts';
import { scans } from './scan/index.ts';
import { servers } from './servers.ts';
import { sshFacts } from './ssh-facts.ts';
import { tls } from './tls.ts';
import type { Bench, Measured } from './contract.ts';

const BENCHES: readonly Bench[] = [
  agent,
  audit,
  baseline,
  churn,
  heartbleed,
  kits,
  reconcile,
  ...scans,
  servers,
  sshFacts,
  deploying,
  patching,
  tls,
];
const smoke = process.argv.includes('--smoke');
const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(bench: Bench, measured: Measured[]): boolean {
  const ratios = measured.map((round) => round.ours / round.peer);
  const ratio = median(ratios);
  console.log(`${bench.name}: ${bench.claim}`);
  const own = bench.unit === undefined;
  const digits = own ? 1 : 2;
  const both = (['ours', 'peer'] as const).map((who) => `${who} ${median(measured.map((m) => m[who])).toFixed(1)}/s, `);
  for (const figure of bench.figures?.() ?? []) console.log(`  ${figure}`);
  console.log(
    `  ${own ? both.join('') : ''}ratio ${ratio.toFixed(digits)} (${Math.min(...ratios).toFixed(digits)}–${Math.max(...ratios).toFixed(digits)}), claimed ${bench.target.toFixed(digits)}`,
  );
  return smoke || ratio >= bench.target;
}

for (const bench of BENCHES) {
  if (names.length > 0 && !names.some((name) => bench.name.startsWith(name))) continue;
  const missing = bench.missing();
  if (missing) {
    console.log(`${bench.name}: skipped, ${missing}`);
    continue;
  }
  const measured = await bench.run(smoke ? 1 : 5, smoke ? 10 : 100);
  if (!report(bench, measured)) process.exitCode = 1;
}
