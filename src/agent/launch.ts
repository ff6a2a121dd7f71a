import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import type { LocalHost } from '../host/local.ts';
import { chooseProgram, envFor, wholeEnv } from './env.ts';
import type { Log } from './log.ts';
import { takenBack, type Programs, type ProgramState } from './program.ts';
import { RUNS } from './runs.ts';
import { ownCommand, takePlace } from './self.ts';

/** How often a new program may end before it has reached the server. */
const STARTS = 3;
const AGAIN_MS = 1000;

interface Launch {
  host: LocalHost;
  programs: Programs;
  log: Log;
  /** what the chosen program is started with */
  args: readonly string[];
  /** digest of the program that whoever started us is trying out; null: nobody is */
  trying: string | null;
  signal: AbortSignal;
}

/**
 * Runs an update in our place, if one was taken. What is proven is loaded into this process. What is not runs as a child,
 * and whatever it does, this program decides: it ends, hangs or does not reach the server in time, and the one before runs
 * again. Returns the exit code; null: this program itself is the one to run.
 */
export async function launch(given: Launch): Promise<number | null> {
  const state = await given.programs.state();
  if (state.current === null) return null;
  if ((await given.programs.read(state.current)) === null) return takeBack(given, state, 'its file is gone or damaged');
  if (given.trying === state.current) return load(given, state.current);
  if (state.trial !== null) return tryOut(given, { ...state, trial: state.trial });
  try {
    return load(given, state.current);
  } catch (error) {
    return takeBack(given, state, `it does not load: ${(error as Error).message}`);
  }
}

function load({ host, programs, signal }: Launch, program: string): number {
  // From here on only the one that is loaded hears it.
  if (signal.aborted) return 0;
  const path = host.real(programs.path(program));
  chooseProgram(program);
  createRequire(path)(path);
  return RUNS;
}

type OnTrial = ProgramState & { trial: NonNullable<ProgramState['trial']> };

async function tryOut(given: Launch, state: OnTrial): Promise<number | null> {
  const { signal } = given;
  const left = Date.parse(state.trial.until) - Date.now();
  if (left <= 0) return takeBack(given, state, 'it did not reach the server in its time');
  if (state.trial.starts >= STARTS)
    return takeBack(given, state, `it ended ${STARTS} times before it reached the server`);
  await given.programs.save({ ...state, trial: { ...state.trial, starts: state.trial.starts + 1 } });
  if (signal.aborted) return 0;
  given.log.info('Trying a new program', { program: state.current, update: state.trial.updateId });
  const code = await child(given, state.current!, left);
  if (signal.aborted) return code ?? 0;
  const after = await given.programs.state();
  // It has shown itself and gave its place back: from now on it runs without us.
  if (after.trial !== null) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  return again(signal);
}

/** Ends the child when its time is up, and tells it when we are to stop. */
function child({ args, signal }: Launch, program: string, ms: number): Promise<number | null> {
  const [command, ...own] = ownCommand();
  const env = { ...wholeEnv(), LASTEMBER_TRIAL: program, LASTEMBER_SUPERVISOR: String(process.pid) };
  return new Promise((resolve) => {
    const running = spawn(command!, [...own, ...args], { env, stdio: 'inherit' });
    const stop = (): void => void running.kill('SIGTERM');
    const late = setTimeout(() => running.kill('SIGKILL'), ms);
    signal.addEventListener('abort', stop, { once: true });
    const end = (code: number | null): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      resolve(code);
    };
    running.on('error', () => end(1));
    running.on('exit', end);
  });
}

async function takeBack(given: Launch, state: ProgramState, why: string): Promise<number | null> {
  given.log.error('A new program is taken back', { program: state.current, why });
  await given.programs.save(takenBack(state, why));
  return again(given.signal);
}

/** From the beginning, in this same process: whoever started us notices nothing. Not when we were told to stop meanwhile. */
export async function again(signal: AbortSignal): Promise<number> {
  if (process.execve === undefined) throw new Error('this Node cannot give its place to another program');
  await takePlace(envFor(), signal);
  return 0;
}
