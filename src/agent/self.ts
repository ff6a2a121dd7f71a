import { accessSync, constants } from 'node:fs';
import { isSea } from 'node:sea';
import { setTimeout as sleep } from 'node:timers/promises';

/** A little less than what Linux takes of one string. Above that, execve does not fail: it aborts the process. */
const MOST_BYTES = 120 * 1024;
const AGAIN_MS = 1000;

/** The words that start this program: one file, or a bundle that a Node of the host's runs. */
export function ownCommand(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1]!];
}

/** Whatever started us sees the same process. Returns only when we are told to stop meanwhile. */
export async function takePlace(env: Record<string, string>, signal: AbortSignal): Promise<void> {
  mustFit(env);
  for (;;) {
    // What was told meanwhile is heard first: whatever takes our place would know nothing of it.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) return;
    const [command, ...own] = ownCommand();
    if (canTakePlace()) process.execve!(command!, [command!, ...own, ...process.argv.slice(2)], env);
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
  }
}

/** Throws where the kernel would not take it. */
export function mustFit(env: Record<string, string>): void {
  for (const [name, value] of Object.entries(env))
    if (Buffer.byteLength(value) > MOST_BYTES) throw new Error(`${name} is too long for the environment`);
}

/** Not while a package manager has the program in its hands: giving our place to nothing would be the end. */
export function canTakePlace(): boolean {
  const [command, program] = ownCommand();
  try {
    accessSync(command!, constants.X_OK);
    if (program !== undefined) accessSync(program, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
