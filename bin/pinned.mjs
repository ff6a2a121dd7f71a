// Runs a TypeScript program with the pinned Node.js runtime, whatever Node (from 20 on) the machine has. Plain
// JavaScript, because that Node may not read TypeScript. npm 10 does not link the runtime's own command, so PATH alone
// would not do.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const NEEDED = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Path of the program below the root, and what follows it on the command line. */
export async function runPinned(program, args) {
  const main = join(ROOT, program);
  const directory = join(ROOT, `node_modules/node-linux-${process.arch}/bin`);
  const tools = join(ROOT, 'node_modules/.bin');
  process.env.PATH = [directory, tools, process.env.PATH].filter(Boolean).join(delimiter);
  // Types are stripped and code is compiled once, not at every start; a place that cannot be written is no error.
  process.env.NODE_COMPILE_CACHE ??= join(ROOT, 'node_modules/.cache/compiled');
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
    module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
    process.argv.splice(1, process.argv.length - 1, main, ...args);
    await import(pathToFileURL(main).href);
    return;
  }
  if (!existsSync(join(directory, 'node'))) {
    console.error(
      `Node ${NEEDED} is needed and this is ${process.version}; the pinned runtime is not installed. Run \`npm ci\` in ${ROOT} on Linux (x64 or arm64).`,
    );
    process.exit(2);
  }
  const child = spawn(join(directory, 'node'), [main, ...args], { stdio: 'inherit' });
  // A terminal sends Ctrl-C and its end to both of us; the child cleans up, and we end as it ended. What comes from
  // elsewhere (`kill`, a supervisor) comes to us alone.
  const fromTerminal = (signal) => signal !== 'SIGTERM' && process.stdin.isTTY;
  for (const signal of SIGNALS) process.on(signal, () => fromTerminal(signal) || child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}
