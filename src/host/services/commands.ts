/** How each service manager is told what to do. */
import { AppError } from '../../model/errors/index.ts';
import { lastLine } from '../command.ts';
import { readText, type Host } from '../host.ts';
import type { Services } from './manager.ts';
import type { Unit } from './systemd.ts';

export type Action = 'restart' | 'reload' | 'stop' | 'start';
export type Manager = Services['manager'];
type Argv = readonly string[];

const ACTION_TIMEOUT_MS = 120_000;
const STATUS_TIMEOUT_MS = 15_000;
const NOT_FOUND = 127;
const SCRIPT_LIMIT = 262_144;
const KNOWS_STATUS = /^#!.*\/init-d-script|\bstatus[ \t]{0,20}(?:\|[^()#\n]{0,200})?\)/;

/**
 * A daemon that a script starts is the script's child and keeps what it has open: over SSH the command would never end. So
 * its output goes into a file, of which the end is told. It gets what init would give it: the top directory and plain modes.
 */
const APART = `umask 022; cd "\${LASTEMBER_HOST_ROOT:-/}" || exit 1
out=$(mktemp 2>/dev/null) || out=/dev/null
"$@" </dev/null >"$out" 2>&1
code=$?
[ "$out" = /dev/null ] || { tail -n 5 "$out" >&2; rm -f "$out"; }
exit $code`;

const plain = (argv: Argv): Argv => argv;
const apart = (argv: Argv): Argv => ['sh', '-c', APART, 'service', ...argv];

/** The ways to say it, of which a host has one: the next is tried where there is no such command. */
function waysTo(manager: Manager, action: Action | 'status' | 'zap', name: string): readonly Argv[] {
  if (manager === 'systemd') return [['systemctl', action, name]];
  if (manager === 'openrc') return [['rc-service', name, action]];
  return [
    ['service', name, action],
    // Within the directory that we go to.
    [`./etc/init.d/${name}`, action],
  ];
}

/** Fails with what the manager said. Its exit code is all that counts here: whether the service runs is for others to see. */
export async function tell(host: Host, manager: Manager, action: Action, unit: Unit): Promise<void> {
  const wrap = manager === 'systemd' ? plain : apart;
  if (manager === 'openrc' && unit.state === 'failed' && (action === 'start' || action === 'restart')) {
    // It takes a crashed service for one that runs: starting does nothing, and stopping finds nobody to stop.
    await oneOf(host, waysTo(manager, 'zap', unit.name), wrap);
    await oneOf(host, waysTo(manager, 'start', unit.name), wrap);
  } else await oneOf(host, waysTo(manager, action, unit.name), wrap);
}

/** What a script says of its service (LSB: 0 runs, 1 to 3 does not); null: it does not know the word, or cannot say. */
export async function isUp(host: Host, manager: 'openrc' | 'sysv', unit: Unit): Promise<boolean | null> {
  const text = unit.unitFile === null ? null : await readText(host, unit.unitFile, SCRIPT_LIMIT).catch(() => null);
  // Some start what they are asked about when they do not know the word.
  if (text === null || !KNOWS_STATUS.test(text)) return null;
  for (const argv of waysTo(manager, 'status', unit.name)) {
    const { code } = await host.exec(apart(argv), { timeoutMs: STATUS_TIMEOUT_MS });
    if (code === NOT_FOUND) continue;
    return code === 0 ? true : code <= 3 ? false : null;
  }
  return null;
}

/** Has it start at boot, or not; what was said, for who wants to tell. `levels`: of OpenRC, to put it into or take it from. */
export async function toBoot(
  host: Host,
  manager: Manager,
  name: string,
  { enabled, levels }: { enabled: boolean; levels: readonly string[] },
): Promise<string> {
  if (manager === 'systemd') return oneOf(host, [['systemctl', enabled ? 'enable' : 'disable', name]], plain);
  if (manager === 'sysv') return linked(host, name, enabled);
  const told = ['rc-update', enabled ? 'add' : 'del', name, ...(levels.length > 0 ? levels : ['default'])];
  return oneOf(host, [told], plain);
}

/** Debian's tool changes links that are there; a script that never had any gets those that its header asks for. */
async function linked(host: Host, name: string, enabled: boolean): Promise<string> {
  const ways: Argv[] = [
    ['update-rc.d', name, enabled ? 'enable' : 'disable'],
    ['chkconfig', name, enabled ? 'on' : 'off'],
  ];
  try {
    return await oneOf(host, ways, plain);
  } catch (error) {
    if (!enabled || !/no runlevel symlinks/.test((error as Error).message)) throw error;
    return oneOf(host, [['update-rc.d', name, 'defaults']], plain);
  }
}

async function oneOf(host: Host, ways: readonly Argv[], wrap: (argv: Argv) => Argv): Promise<string> {
  let missing = ways[0]!;
  for (const argv of ways) {
    const { code, stdout, stderr } = await host.exec(wrap(argv), { timeoutMs: ACTION_TIMEOUT_MS });
    if (code === 0) return argv.join(' ');
    missing = argv;
    if (code === NOT_FOUND) continue;
    const why = lastLine(stderr) || lastLine(stdout) || 'it printed nothing';
    throw new AppError('HOST_COMMAND', { command: argv.join(' '), code, why });
  }
  throw new AppError('HOST_COMMAND', { command: missing.join(' '), code: NOT_FOUND, why: 'there is no such command' });
}
