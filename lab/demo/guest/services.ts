import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guestEnvironment, inTree, type Machine } from './machine.ts';
import { duration, parseUnit, setting, type UnitFile } from './unit-file.ts';
import { splitWords } from './words.ts';

export const UNIT_DIR = '/etc/systemd/system';
const START_LIMIT = { times: 5, withinMs: 10_000 };

export interface Unit {
  name: string;
  file: UnitFile;
  state: 'inactive' | 'active' | 'activating' | 'failed';
  /** of the supervisor itself for the built-in ones */
  pid: number;
  startedAt: number | null;
  child: ChildProcess | null;
  /** set while somebody stops it: its end is no failure */
  stopping: boolean;
  starts: number[];
}

/** Work of a unit that the supervisor does itself (the SSH server), instead of a process of its own. */
export interface BuiltIn {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface Services {
  units(): Unit[];
  /** null: there is no such unit file */
  unit(name: string): Unit | null;
  /** Reads unit files again, as after `daemon-reload`; running units keep running. */
  reload(): void;
  start(unit: Unit): Promise<void>;
  stop(unit: Unit): Promise<void>;
  stopAll(): Promise<void>;
}

/** The service manager of one demo host: simple services from unit files in its tree. */
export function createServices(machine: Machine, builtIns: Record<string, BuiltIn>, changed: () => void): Services {
  const units = new Map<string, Unit>();
  const reload = (): void => {
    const names = readdirSync(inTree(machine, UNIT_DIR)).filter((name) => name.endsWith('.service'));
    for (const name of names) {
      const file = parseUnit(readFileSync(inTree(machine, join(UNIT_DIR, name)), 'utf8'));
      const known = units.get(name);
      if (known) known.file = file;
      else units.set(name, newUnit(name, file));
    }
    for (const unit of units.values()) if (!names.includes(unit.name) && !unit.pid) units.delete(unit.name);
  };
  const start = async (unit: Unit): Promise<void> => {
    if (unit.pid) return;
    unit.stopping = false;
    const builtIn = builtIns[unit.name];
    if (builtIn) {
      await builtIn.start();
      Object.assign(unit, { state: 'active', pid: process.pid, startedAt: Date.now() });
    } else await launch(machine, unit, () => void ended(unit));
    changed();
  };
  const ended = async (unit: Unit): Promise<void> => {
    const { exitCode } = unit.child!;
    Object.assign(unit, { pid: 0, child: null, state: exitCode === 0 || unit.stopping ? 'inactive' : 'failed' });
    changed();
    const policy = setting(unit.file, 'Service', 'Restart') ?? 'no';
    const again = policy === 'always' || (policy === 'on-failure' && exitCode !== 0);
    if (unit.stopping || !again || tooOften(unit)) return;
    unit.state = 'activating';
    await sleep(duration(setting(unit.file, 'Service', 'RestartSec'), 100));
    // Somebody may have started or stopped it meanwhile.
    if (unit.state === 'activating' && !unit.stopping) await start(unit).catch(() => {});
  };
  const stop = async (unit: Unit): Promise<void> => {
    unit.stopping = true;
    if (unit.state === 'activating' || unit.state === 'failed') unit.state = 'inactive';
    const builtIn = builtIns[unit.name];
    if (builtIn && unit.pid) {
      await builtIn.stop();
      Object.assign(unit, { state: 'inactive', pid: 0 });
    } else if (unit.child) await terminate(unit.child, duration(setting(unit.file, 'Service', 'TimeoutStopSec'), 5000));
    changed();
  };
  reload();
  return {
    units: () => [...units.values()].sort((a, b) => a.name.localeCompare(b.name)),
    unit: (name) => units.get(name) ?? null,
    reload,
    start,
    stop,
    stopAll: async () => void (await Promise.all([...units.values()].map(stop))),
  };
}

function newUnit(name: string, file: UnitFile): Unit {
  return { name, file, state: 'inactive', pid: 0, startedAt: null, child: null, stopping: false, starts: [] };
}

/**
 * ExecStart with the program, and the script it interprets, taken from the tree. Further paths stay as they are: what
 * runs here is told by LASTEMBER_HOST_ROOT where the host's files lie.
 */
export function execArgv(machine: Machine, unit: Unit): string[] {
  const words = splitWords((setting(unit.file, 'Service', 'ExecStart') ?? '').replace(/^[-@:+!]+/, ''));
  const mapped = (word: string): string =>
    word.startsWith('/') && existsSync(inTree(machine, word)) ? inTree(machine, word) : word;
  return words.map((word, at) => (at < 2 ? mapped(word) : word));
}

async function launch(machine: Machine, unit: Unit, onEnd: () => void): Promise<void> {
  const [program, ...args] = execArgv(machine, unit);
  if (!program?.startsWith(machine.root)) {
    unit.state = 'failed';
    throw new Error(`Job for ${unit.name} failed: ${program ?? 'ExecStart'} is not there (203/EXEC).`);
  }
  const log = openLog(machine, unit);
  const environment = (unit.file.get('Service')?.get('Environment') ?? []).flatMap(splitWords);
  try {
    const child = spawn(program, args, {
      cwd: machine.root,
      // A pipe that nobody writes to: a service of ours ends when it closes, even if the supervisor was killed.
      stdio: ['pipe', log, log],
      env: { ...guestEnvironment(machine), ...Object.fromEntries(environment.map((pair) => pair.split(/=(.*)/s, 2))) },
    });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.once('exit', onEnd);
    unit.starts = [...unit.starts, Date.now()].slice(-START_LIMIT.times);
    Object.assign(unit, { child, pid: child.pid, state: 'active', startedAt: Date.now() });
  } catch (cause) {
    unit.state = 'failed';
    throw new Error(`Job for ${unit.name} failed: ${(cause as Error).message}.`, { cause });
  } finally {
    closeSync(log);
  }
}

function openLog(machine: Machine, unit: Unit): number {
  mkdirSync(inTree(machine, '/var/log'), { recursive: true });
  return openSync(inTree(machine, `/var/log/${unit.name.replace(/\.service$/, '')}.log`), 'a', 0o640);
}

function tooOften(unit: Unit): boolean {
  const first = unit.starts[0];
  return unit.starts.length >= START_LIMIT.times && first !== undefined && Date.now() - first < START_LIMIT.withinMs;
}

async function terminate(child: ChildProcess, timeoutMs: number): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  await gone;
  clearTimeout(timer);
  // Let the unit's own `exit` listener write down that it ended.
  await new Promise((resolve) => setImmediate(resolve));
}
