/**
 * `npm run bench [-- NAME…] [--smoke]`: each claim as a ratio against its peer, the median of interleaved rounds.
 * `--smoke` runs each once and small, to see that it still runs; it judges nothing but the verdicts.
 */
import { heartbleed } from './heartbleed.ts';
import { agent } from './agent.ts';
import { audit } from './audit.ts';
import { baseline } from './baseline.ts';
import { churn } from './churn.ts';
import { debsecanBench } from './debsecan.ts';
import { findings } from './findings.ts';
import { deploying } from './deploying.ts';
import { kits } from './kits.ts';
import { patching } from './patching.ts';
import { reconcile } from './reconcile.ts';
import { scans } from './scan/index.ts';
import { servers } from './servers.ts';
import { sshFacts } from './ssh-facts.ts';
import { tls } from './tls.ts';
import type { Bench, Measured } from './contract.ts';
import { helpOf, isNamed, parseOptions, type Options } from './options.ts';

const BENCHES: readonly Bench[] = [
  agent,
  audit,
  baseline,
  churn,
  debsecanBench,
  findings,
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
function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(bench: Bench, measured: Measured[], smoke: boolean): boolean {
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

async function runBenches({ names, smoke, rounds }: Options): Promise<void> {
  for (const bench of BENCHES.filter(({ name }) => isNamed(name, names))) {
    const missing = bench.missing();
    if (missing) {
      console.log(`${bench.name}: skipped, ${missing}`);
      continue;
    }
    const measured = await bench.run(rounds ?? (smoke ? 1 : 5), smoke ? 10 : 100);
    if (!report(bench, measured, smoke)) process.exitCode = 1;
  }
}

function readOptions(): Options | null {
  try {
    return parseOptions(
      process.argv.slice(2),
      BENCHES.map(({ name }) => name),
    );
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return null;
  }
}

const options = readOptions();
if (options?.help) console.log(helpOf(BENCHES));
else if (options !== null) await runBenches(options);
