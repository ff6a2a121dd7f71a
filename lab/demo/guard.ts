/**
 * Runs a program that must not outlive us: `node guard.ts PROGRAM ARG…`. Its output is passed on. When our standard
 * input closes (whoever started us stopped, or was killed) it is asked to end, and after a while made to.
 */
import { spawn } from 'node:child_process';

const GRACE_MS = 15_000;
const [program, ...args] = process.argv.slice(2);
const child = spawn(program!, args, { stdio: ['ignore', 'inherit', 'inherit'] });

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
}
child.on('error', (error) => {
  process.stderr.write(`${program}: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code) => process.exit(code ?? 1));
process.stdin.resume().on('close', end);
process.on('SIGTERM', end);
process.on('SIGINT', () => {});
