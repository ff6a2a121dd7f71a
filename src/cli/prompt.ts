import { createInterface } from 'node:readline/promises';
import { UsageError } from './exit.ts';

/** Yes only if the person types y or yes; anything else, and no terminal at all, is no. */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('there is no terminal to ask on; pass --yes if you mean it');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

/** Reads a secret without showing it. */
export async function askSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError('there is no terminal to ask for the password on; use --password-file');
  process.stderr.write(question);
  process.stdin.setRawMode(true);
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    return await new Promise((resolve) => lines.once('line', resolve));
  } finally {
    process.stdin.setRawMode(false);
    lines.close();
    process.stderr.write('\n');
  }
}
