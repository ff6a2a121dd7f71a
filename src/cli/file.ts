import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './exit.ts';

/** Said before anything is asked of the server. */
export async function mustBeWritable(file: string): Promise<void> {
  const directory = dirname(resolve(file));
  const there = await stat(directory).catch(() => null);
  if (there?.isDirectory()) return;
  throw new UsageError(`${file} cannot be written: there is no directory ${directory}; make it, or name another file`);
}
