import { isSea } from 'node:sea';

/** The words that start this program: one file, or a bundle that a Node of the host's runs. */
export function ownCommand(): string[] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1]!];
}
