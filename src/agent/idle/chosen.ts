import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chooseProgram, readEnv } from '../env.ts';
import type { Handover } from './handover.ts';

/** Loads the update that runs in place of this program, as the launcher would; false: it is this one that runs. */
export function gaveWay({ chosen }: Pick<Handover, 'chosen'>): boolean {
  if (chosen === null || readEnv().program === chosen.digest) return false;
  const digest = createHash('sha256').update(readFileSync(chosen.path)).digest('hex');
  if (digest !== chosen.digest) throw new Error('the program that was chosen is damaged');
  chooseProgram(chosen.digest);
  createRequire(chosen.path)(chosen.path);
  return true;
}
