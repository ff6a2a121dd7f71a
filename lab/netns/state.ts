/** The lab's run directory: who is working on it, and what is about to be made. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';

/** Written before each act. `down` looks for itself; this is for people and for `status`. */
export interface State {
  name: string;
  /** what is being done, or was when it was cut off; null when nothing is */
  doing: string | null;
  hosts: string[];
  /** /run/netns was not a mount before the first namespace was named: the last to go unmounts it */
  madeNetnsMount: boolean;
}

/** A directory with this in it is the lab's, and may be removed with everything below. */
const OURS = 'lastember-lab';

export function openRun(place: Place): void {
  mkdirSync(place.run, { recursive: true, mode: 0o700 });
  if (existsSync(join(place.run, OURS))) return;
  if (readdirSync(place.run).length > 0)
    throw new Error(`${place.run} is not empty and not a lab's. Name another with LASTEMBER_LAB_RUN.`);
  writeFileSync(join(place.run, OURS), 'made by npm run lab; `npm run lab -- down` removes it\n');
}

/** Only what is ours is ever removed; an empty one was being made. */
export const isOurs = (place: Place): boolean =>
  existsSync(join(place.run, OURS)) || (existsSync(place.run) && readdirSync(place.run).length === 0);

export function readState(place: Place): State | null {
  try {
    return JSON.parse(readFileSync(join(place.run, 'state.json'), 'utf8')) as State;
  } catch {
    return null;
  }
}

export function writeState(place: Place, state: State): void {
  const path = join(place.run, 'state.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** One `up` or `down` at a time. The holder is a process and its start time: a pid alone comes round again. */
export function lock(place: Place): () => void {
  const path = join(place.run, 'lock');
  const own = `${process.pid} ${startTime(process.pid)}`;
  for (;;) {
    try {
      writeFileSync(path, own, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = lockHolder(place);
    if (holder !== null) throw new Error(`Process ${holder} is working on this lab. Wait for it, or end it first.`);
    rmSync(path, { force: true });
  }
}

function lockHolder(place: Place): number | null {
  try {
    const [pid, started] = readFileSync(join(place.run, 'lock'), 'utf8').split(' ');
    return started && startTime(Number(pid)) === started ? Number(pid) : null;
  } catch {
    return null;
  }
}

function startTime(pid: number): string {
  try {
    // The command's name, in parentheses, may hold anything; the fields after it do not.
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? ''
    );
  } catch {
    return '';
  }
}
