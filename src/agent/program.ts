import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import * as z from 'zod';
import type { Host } from '../host/host.ts';
import { readText } from '../host/host.ts';
import { Instant, Sha256 } from '../model/json.ts';

/** Which program runs: the one this agent was installed with, or one that came as an update. Null stands for the former. */
export const ProgramState = z.object({
  /** the program that was installed; where another is found, somebody installed anew, and the rest is of the past */
  base: Sha256,
  current: Sha256.nullable(),
  previous: Sha256.nullable(),
  /** `current` has not shown yet that it reaches the server */
  trial: z.object({ updateId: z.string(), until: Instant, starts: z.number().int() }).nullable(),
  /** the last update that was taken back */
  failed: z.object({ updateId: z.string(), program: Sha256, why: z.string() }).nullable(),
  /** when the newest update that was taken was made: an older one is not taken any more */
  newest: Instant.nullable(),
});
export type ProgramState = z.infer<typeof ProgramState>;

export interface Programs {
  /** digest of the program that was installed */
  base: string;
  state(): Promise<ProgramState>;
  save(state: ProgramState): Promise<void>;
  keep(program: Uint8Array): Promise<string>;
  /** removes what is none of these */
  forget(except: readonly (string | null)[]): Promise<void>;
  path(digest: string): string;
  /** the program whole, as its digest says, or null */
  read(digest: string): Promise<Uint8Array | null>;
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Digest of what was installed: told by the one file, computed from the bundle. */
export function baseProgram(): string {
  return isSea() ? getAsset('program.sha256', 'utf8').trim() : digestOf(readFileSync(process.argv[1]!));
}

export function openPrograms(host: Host, stateDir: string, base: string): Programs {
  const file = `${stateDir}/program.json`;
  const path = (digest: string): string => `${stateDir}/programs/${digest}.cjs`;
  const fresh: ProgramState = { base, current: null, previous: null, trial: null, failed: null, newest: null };
  return {
    base,
    path,
    state: async () => {
      const text = await readText(host, file);
      const parsed = ProgramState.safeParse(text === null ? null : tryJson(text));
      if (!parsed.success) return fresh;
      return parsed.data.base === base ? parsed.data : { ...fresh, newest: parsed.data.newest };
    },
    save: (state) => host.write(file, Buffer.from(JSON.stringify(state, null, 2)), 0o600),
    keep: async (program) => {
      const digest = digestOf(program);
      await host.mkdir(`${stateDir}/programs`, 0o700);
      await host.write(path(digest), program, 0o600);
      return digest;
    },
    forget: async (except) => {
      for (const name of (await host.list(`${stateDir}/programs`)) ?? [])
        if (!except.includes(name.replace(/\.cjs$/, ''))) await host.remove(`${stateDir}/programs/${name}`);
    },
    read: async (digest) => {
      const bytes = await host.read(path(digest)).catch(() => null);
      return bytes !== null && digestOf(bytes) === digest ? bytes : null;
    },
  };
}

export async function isOnTrial(programs: Programs, running: string): Promise<boolean> {
  const { trial, current } = await programs.state();
  return trial !== null && current === running;
}

/** Back to what ran before, and why. */
export function takenBack(state: ProgramState, why: string): ProgramState {
  const failed = { updateId: state.trial?.updateId ?? '', program: state.current ?? state.base, why };
  return { ...state, current: state.previous, previous: null, trial: null, failed };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
