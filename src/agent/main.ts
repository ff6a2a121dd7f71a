import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '../model/errors/index.ts';
import type { EnrollReply } from '../model/agent.ts';
import { localHost, type LocalHost } from '../host/local.ts';
import type { Ended } from './begin.ts';
import { isRefusal } from './client.ts';
import { loadConfig, type AgentConfig } from './config.ts';
import { enroll } from './enroll.ts';
import { envFor, forgetOwnEnv, readEnv } from './env.ts';
import { sayGoodbye, whyStopped } from './goodbye.ts';
import { absenceFields, missed, spread, type Absence } from './idle/absence.ts';
import type { Handover } from './idle/handover.ts';
import { readResumed, type Resumed } from './idle/times.ts';
import { again, launch } from './launch.ts';
import { stderrLog as log } from './log.ts';
import { runAgent } from './loop.ts';
import { isAnother, readMachine } from './machine.ts';
import { configPathOf, readOptions } from './options.ts';
import { baseProgram, openPrograms } from './program.ts';
import { canTakePlace, mustFit, takePlace } from './self.ts';
import { openState, type State } from './state.ts';
import { BOTH_AGAIN, supervise } from './supervise.ts';
import { uninstall } from './uninstall.ts';
import { VERSION } from './version.ts';

const HELP = `lastember-agent ${VERSION}: the program of Lastember on a host

  lastember-agent run [--config FILE] [--once]   enrol if needed, then report and carry out approved plans
  lastember-agent enroll [--config FILE]         enrol and end
  lastember-agent supervise [--config FILE] [--pid-file FILE]
                                                 run, and run again whenever it fails: where no service manager does
  lastember-agent clear-alarm [--config FILE]    accept the server's history as it is now, after looking into it
  lastember-agent uninstall [--keep-config] [--force]
                                                 tell the server, stop the service and remove everything of it; in the
                                                 middle of a change only with --force
  lastember-agent goodbye [--reason TEXT]        only tell the server that the agent goes; for package managers
  lastember-agent --version

FILE is /etc/lastember/agent.json unless told otherwise. A token may stand in it, or in LASTEMBER_TOKEN. An uninstall that
the server did not order (lastember agent uninstall HOST) is reported there.
`;
const SUPERVISOR_MS = 2000;
/** Why we end when whoever started us is gone: nobody stopped the agent, so there is nothing to say goodbye for. */
const ORPHANED = 'whoever started us is gone';

/** Exit codes as of the command line of Lastember: 0 ok, 2 usage, 3 server unreachable, 4 refused. */
export async function main(argv: string[]): Promise<number> {
  let parsed;
  try {
    parsed = readOptions(argv);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help || values.version) {
    process.stdout.write(values.version ? `${VERSION}\n` : HELP);
    return 0;
  }
  const [name = '', ...more] = positionals;
  const command = COMMANDS[name];
  if (more.length > 0 || !(command || name === 'supervise')) {
    process.stderr.write(HELP);
    return 2;
  }
  if (!command) return supervise(values.config, values['pid-file']);
  const { reason, force, 'keep-config': keepConfig } = values;
  return carryOut(async () => command({ ...(await setUp(values.config, values.once)), keepConfig, force, reason }));
}

async function carryOut(command: () => Promise<number | void>): Promise<number> {
  try {
    return (await command()) ?? 0;
  } catch (error) {
    log.error('The agent ended', { why: (error as Error).message, code: isAppError(error) ? error.code : 'bug' });
    return exitCode(error);
  }
}

function exitCode(error: unknown): number {
  if (isAppError(error, 'AGENT_SERVER_UNREACHABLE')) return 3;
  return isRefusal(error) || isAppError(error, 'AGENT_NOT_ENROLLED') || isAppError(error, 'AGENT_OTHER_MACHINE')
    ? 4
    : 1;
}

interface SetUp {
  host: LocalHost;
  config: AgentConfig;
  configPath: string;
  state: State;
  once: boolean;
  signal: AbortSignal;
  /** digest of this program, where it was chosen to run in place of the installed one */
  chosen: string | null;
  trying: string | null;
  resumed: Resumed | null;
  /** number of the process that starts us again */
  supervisor: number | null;
}
interface Command extends SetUp {
  keepConfig: boolean;
  force: boolean;
  reason: string;
}

/** Returns the exit code, or nothing where all went well. */
const COMMANDS: Record<string, (given: Command) => Promise<number | void>> = {
  run: async (given) => {
    const { host, state, config, chosen, trying, signal, resumed } = given;
    const programs = openPrograms(host, state.dir, baseProgram());
    const args = process.argv.slice(2);
    const launched = chosen === null ? await launch({ host, programs, log, args, trying, signal }) : null;
    if (launched !== null) return launched;
    forgetOwnEnv();
    const identity = await identityOf(given);
    if (!identity) return undefined;
    const running = chosen ?? programs.base;
    if (resumed === null)
      log.info('Agent runs', { version: VERSION, program: running.slice(0, 12), agent: identity.agentId });
    let waiting: Record<string, string> | null = null;
    const rest = (handed: Handover): boolean => {
      const env = envFor({ waiting: JSON.stringify(handed) });
      mustFit(env);
      if (canTakePlace()) waiting = env;
      return waiting !== null;
    };
    const { once, supervisor } = given;
    const options = { host, state, config, once, supervisor, signal, identity, log, programs, running, resumed };
    const ended = await runAgent({ ...options, ...(given.once || process.execve === undefined ? {} : { rest }) });
    // What was told meanwhile is heard first.
    await new Promise((resolve) => setImmediate(resolve));
    if (waiting !== null) await takePlace(waiting, signal);
    await stopped(given, ended);
    return signal.aborted ? undefined : anew(ended, signal);
  },
  enroll: async (given) => {
    await dropOthersIdentity(given);
    const { host, state, config, configPath } = given;
    const known = config.token === undefined ? await state.identity() : null;
    const { agentId } = known ?? (await enroll(host, state, config, configPath));
    process.stdout.write(`${agentId}\n`);
  },
  uninstall: async (given) => {
    const heard = await uninstall(given);
    process.stdout.write(
      heard ? 'uninstalled\n' : 'uninstalled; the server did not hear of it and will miss this agent\n',
    );
  },
  goodbye: async (given) => {
    const heard = await sayGoodbye(given, { kind: 'uninstalled', reason: given.reason, shutdown: false });
    process.stdout.write(heard === null ? 'the server did not hear it\n' : 'the server knows\n');
  },
  'clear-alarm': async ({ state }) => {
    const alarm = await state.alarm();
    await state.clearAlarm();
    log.warn(alarm ? 'Alarm cleared' : 'There was no alarm', { why: alarm?.why, raised: alarm?.at });
  },
};

/** By which exit code, where it ends for that; see `Ended`. */
async function anew(ended: Ended, signal: AbortSignal): Promise<number | undefined> {
  if (ended === 'with-supervisor') return BOTH_AGAIN;
  return ended === 'again' ? again(signal) : undefined;
}

async function setUp(path: string, once: boolean): Promise<SetUp> {
  // First of all, and before anything is waited for: whoever loaded this program does not listen any more.
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  const env = readEnv();
  const host = localHost({ root: env.hostRoot });
  const configPath = host.shown(path);
  const loaded = await loadConfig(host, configPath);
  if (env.supervisor !== null) endWith(env.supervisor, () => stop.abort(ORPHANED));
  const state = openState(host, loaded.stateDir);
  const config = await withToken(loaded, env.token, state);
  const { program: chosen, trying, supervisor } = env;
  const resumed = readResumed(env.resumed);
  return { host, config, configPath, state, once, signal: stop.signal, chosen, trying, supervisor, resumed };
}

async function stopped(given: SetUp, ended: string): Promise<void> {
  log.info('Agent stopped', { ended });
  if (given.signal.aborted && given.signal.reason !== ORPHANED)
    await sayGoodbye(given, { kind: 'stopping', ...(await whyStopped(given.host)) });
}

/** The end of an agent that was told to stop while it waited. */
export function leave(argv: string[]): Promise<number> {
  return carryOut(async () => {
    const given = await setUp(configPathOf(argv), false);
    await stopped({ ...given, signal: AbortSignal.abort() }, 'stopped');
  });
}

/** Whoever started us is gone: whoever takes its place will start another. */
function endWith(supervisor: number, stop: () => void): void {
  const timer = setInterval(() => process.ppid === supervisor || stop(), SUPERVISOR_MS);
  timer.unref();
}

/** One in the environment is there at every start: it is for the first one only. */
async function withToken(config: AgentConfig, token: string | null, state: State): Promise<AgentConfig> {
  if (token === null || config.token !== undefined || (await state.identity())) return config;
  return { ...config, token };
}

/** A token in the settings means that somebody deployed anew: it is used even when there is an identity already. */
async function identityOf(given: SetUp): Promise<EnrollReply | null> {
  await dropOthersIdentity(given);
  const known = await given.state.identity();
  if (known && given.config.token === undefined) return known;
  try {
    return await enrollPatiently(given);
  } catch (error) {
    if (!known || !isRefusal(error)) throw error;
    log.warn('The token was refused; going on as before', { agent: known.agentId, why: (error as Error).message });
    return known;
  }
}

/** A copy of a machine must not go on under the name of the one that it was copied from. */
async function dropOthersIdentity(given: SetUp): Promise<void> {
  if (!(await isElsewhere(given))) return;
  log.warn('This is another machine than the one that enrolled: its identity is dropped');
  await given.state.forget();
  if (given.config.token === undefined) throw new AppError('AGENT_OTHER_MACHINE');
}

async function isElsewhere({ host, state }: SetUp): Promise<boolean> {
  if (!(await state.identity())) return false;
  const now = await readMachine(host);
  const before = await state.machine();
  // Enrolled by a version that did not keep it.
  if (!before) await state.saveMachine(now);
  return before !== null && isAnother(before, now);
}

/** The server may start after us, or be away for a while. Only its plain refusal ends this. */
async function enrollPatiently({ host, state, config, configPath, once, signal }: SetUp): Promise<EnrollReply | null> {
  let absence: Absence | null = null;
  while (!signal.aborted) {
    try {
      return await enroll(host, state, config, configPath);
    } catch (error) {
      if (once || isRefusal(error) || !isAppError(error, 'AGENT_SERVER_UNREACHABLE')) throw error;
      const next = missed(absence, Date.now());
      absence = next.absence;
      if (next.tell)
        log.warn('Enrolling waits for the server', { why: (error as Error).message, ...absenceFields(absence) });
      await sleep(spread(next.waitMs, Math.random()), undefined, { signal }).catch(() => {});
    }
  }
  return null;
}
