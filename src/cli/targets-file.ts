import { readFile } from 'node:fs/promises';
import { UsageError } from './exit.ts';

/** Targets from a file or (`-`) from standard input: one a line, `#` begins a comment. Without a file, none. */
export async function targetsFrom(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  const content = file === '-' ? await standardInput() : await contentOf(file);
  const targets = content
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  if (targets.length === 0) throw new UsageError(`there is no target in ${file === '-' ? 'standard input' : file}`);
  return targets;
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`reading ${file} did not work: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
