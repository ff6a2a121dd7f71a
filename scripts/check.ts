/**
 * All fast checks, side by side: format, lint, types, import rules, and that generated files are up to date.
 * `npm run check` takes well under a minute; `npm test` runs it first.
 */
import { spawn } from 'node:child_process';

interface Check {
  name: string;
  argv: string[];
  /** what to do when it is red */
  fix: string;
}

const CHECKS: Check[] = [
  { name: 'format', argv: ['oxfmt', '--check', '.'], fix: 'npm run format' },
  {
    name: 'lint',
    argv: ['oxlint', '--deny-warnings'],
    fix: 'read the rule named in brackets; limits are in .oxlintrc.json',
  },
  { name: 'types', argv: ['tsc', '--noEmit'], fix: 'npm run types' },
  {
    name: 'architecture',
    argv: ['node', '--test', '--test-reporter=dot', 'tests/architecture/*.test.ts'],
    fix: 'see the import rules in CONTRIBUTING.md',
  },
  {
    name: 'generated',
    argv: ['node', 'scripts/generate.ts', '--check'],
    fix: 'npm run generate, and commit what changed',
  },
];

interface Result {
  check: Check;
  code: number;
  output: string;
  ms: number;
}

function run(check: Check): Promise<Result> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(check.argv[0]!, check.argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const finish = (code: number, extra = ''): void =>
      resolve({ check, code, output: output + extra, ms: performance.now() - started });
    child.on('error', (error) => finish(1, `${error.message}: run it through npm, as in npm run check\n`));
    child.on('close', (code) => finish(code ?? 1));
  });
}

const results = await Promise.all(CHECKS.map(run));
for (const { check, code, output, ms } of results) {
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${check.name} (${(ms / 1000).toFixed(1)} s)`);
  if (code !== 0) console.log(`${output.trimEnd()}\n→ ${check.fix}\n`);
}
process.exitCode = results.every((result) => result.code === 0) ? 0 : 1;
