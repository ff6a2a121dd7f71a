/**
 * `npm test`: the fast checks, then every test against one real PostgreSQL, then the demo from end to end.
 * `npm test -- src/loop/audit` runs only the tests below a path (and no checks, no demo).
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { startTestPostgres } from '../src/platform/testing.ts';

const only = process.argv.slice(2);
const ROOTS = ['src', 'kits', 'lab/demo', 'tests', 'scripts', 'bench'];
/** Whole-system tests start their own servers and estates, or real hosts: one at a time, after everything else. */
const SYSTEM = /^(?:tests\/(?:rows|system)|lab\/netns)\//;
/** Real hosts install real packages, on however slow a machine. */
const PATIENT = /^lab\/netns\//;

const BUILDS = [
  ['scripts/build-agent.ts'],
  ['node_modules/vite/bin/vite.js', 'build', 'src/console', '--logLevel', 'warn'],
];

function find(roots: string[]): string[] {
  const patterns = roots.map((root) => (root.endsWith('.test.ts') ? root : `${root.replace(/\/$/, '')}/**/*.test.ts`));
  return globSync(patterns)
    .filter((file) => !/node_modules|^tests\/(architecture\/bad|e2e)\//.test(file))
    .sort();
}

function run(argv: string[], env: NodeJS.ProcessEnv = process.env, minutes?: number): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(argv[0]!, argv.slice(1), { stdio: 'inherit', env });
    // The limit of a test does not end a file that left something open; the runner, told to stop, names it.
    const late = setTimeout(() => child.kill('SIGTERM'), (minutes ?? 0) * 60_000);
    if (minutes === undefined) clearTimeout(late);
    child.on('error', (error) => {
      console.error(`${argv[0]}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => {
      clearTimeout(late);
      resolve(code ?? 1);
    });
  });
}

async function runTests(files: string[], concurrency: number, env: NodeJS.ProcessEnv): Promise<number> {
  if (files.length === 0) return 0;
  const [eachMinutes, allMinutes] = files.some((file) => PATIENT.test(file)) ? [30, 55] : [5, 40];
  const limits = [`--test-concurrency=${concurrency}`, `--test-timeout=${eachMinutes * 60_000}`];
  return run([process.execPath, '--test', ...limits, ...files], env, allMinutes);
}

async function main(): Promise<number> {
  if (only.length === 0) {
    const checks = await run([process.execPath, 'scripts/check.ts']);
    if (checks !== 0) return checks;
  }
  // Agent and console are part of what is tested; building them takes seconds.
  for (const build of BUILDS) {
    const built = await run([process.execPath, ...build]);
    if (built !== 0) return built;
  }
  const postgres = await startTestPostgres();
  try {
    const env = { ...process.env, ...postgres.env };
    const files = find(only.length ? only : ROOTS);
    const beside = await runTests(
      files.filter((file) => !SYSTEM.test(file)),
      Math.max(2, availableParallelism()),
      env,
    );
    const system = await runTests(
      files.filter((file) => SYSTEM.test(file)),
      1,
      env,
    );
    return beside || system;
  } finally {
    await postgres.stop();
  }
}

process.exitCode = await main();
