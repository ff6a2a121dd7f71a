import { accessSync, constants } from 'node:fs';
import { isSea } from 'node:sea';

/** The words that start this program: one file, or a bundle that a Node of the host's runs. */
export function ownCommand(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1]!];
}

/** Whatever started us sees the same process. Does not return. */
export function takePlace(env: Record<string, string>): never {
  const [command, ...own] = ownCommand();
  return process.execve!(command!, [command!, ...own, ...process.argv.slice(2)], env);
}

/** Not while a package manager has the program in its hands: giving our place to nothing would be the end. */
export function canTakePlace(): boolean {
  if (process.execve === undefined) return false;
  const [command, program] = ownCommand();
  try {
    accessSync(command!, constants.X_OK);
    if (program !== undefined) accessSync(program, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
