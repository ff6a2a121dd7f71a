import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { inTree, type Machine } from './machine.ts';
import { UNIT_DIR, type Services, type Unit } from './services.ts';
import { setting } from './unit-file.ts';

export interface Reply {
  code: number;
  stdout: string;
  stderr: string;
}

const WANTS = join(UNIT_DIR, 'multi-user.target.wants');
const ok = (stdout = ''): Reply => ({ code: 0, stdout, stderr: '' });
const bad = (code: number, stderr: string): Reply => ({ code, stdout: '', stderr: `${stderr}\n` });

/** Answers one `systemctl` command line as systemd does, for the forms a fleet tool uses. */
export async function systemctl(machine: Machine, services: Services, argv: string[]): Promise<Reply> {
  const flags = argv.filter((word) => word.startsWith('-'));
  const [verb = 'list-units', ...names] = argv.filter((word) => !word.startsWith('-'));
  if (verb === 'daemon-reload') {
    services.reload();
    return ok();
  }
  if (verb === 'show') return ok(show(machine, services, names, flags));
  if (verb === 'is-system-running') return ok('running\n');
  const action = ACTIONS[verb];
  if (!action) return bad(1, `Unknown operation ${verb}.`);
  if (names.length === 0) return bad(1, 'Too few arguments.');
  const replies: Reply[] = [];
  for (const name of names) replies.push(await actOn(machine, services, action, withSuffix(name), flags));
  return {
    code: replies.find((reply) => reply.code !== 0)?.code ?? 0,
    stdout: replies.map((reply) => reply.stdout).join(''),
    stderr: replies.map((reply) => reply.stderr).join(''),
  };
}

interface Context {
  machine: Machine;
  services: Services;
  unit: Unit;
  now: boolean;
}
type Action = (context: Context) => Promise<Reply>;

const ACTIONS: Record<string, Action> = {
  start: async ({ services, unit }) => (await services.start(unit), ok()),
  stop: async ({ services, unit }) => (await services.stop(unit), ok()),
  restart,
  'try-restart': async (context) => (context.unit.pid ? restart(context) : ok()),
  reload: async (context) => {
    if (context.unit.name === 'ssh.service') return restart(context);
    if (!setting(context.unit.file, 'Service', 'ExecReload'))
      return bad(3, `Failed to reload ${context.unit.name}: Job type reload is not applicable.`);
    process.kill(context.unit.pid, 'SIGHUP');
    return ok();
  },
  'is-active': async ({ unit }) => ({ code: unit.state === 'active' ? 0 : 3, stdout: `${unit.state}\n`, stderr: '' }),
  'is-enabled': async ({ machine, unit }) => {
    const state = enablement(machine, unit);
    return { code: state === 'disabled' ? 1 : 0, stdout: `${state}\n`, stderr: '' };
  },
  enable: async ({ machine, services, unit, now }) => {
    mkdirSync(inTree(machine, WANTS), { recursive: true });
    if (enablement(machine, unit) === 'disabled')
      symlinkSync(join(UNIT_DIR, unit.name), inTree(machine, join(WANTS, unit.name)));
    if (now) await services.start(unit);
    return ok();
  },
  disable: async ({ machine, services, unit, now }) => {
    rmSync(inTree(machine, join(WANTS, unit.name)), { force: true });
    if (now) await services.stop(unit);
    return ok();
  },
};

async function restart({ services, unit }: Context): Promise<Reply> {
  await services.stop(unit);
  await services.start(unit);
  return ok();
}

async function actOn(
  machine: Machine,
  services: Services,
  action: Action,
  name: string,
  flags: string[],
): Promise<Reply> {
  // systemd loads a unit when it is first named; one that is on disk but was never read is found here too.
  if (!services.unit(name) && existsSync(inTree(machine, join(UNIT_DIR, name)))) services.reload();
  const unit = services.unit(name);
  if (!unit && action === ACTIONS['is-active']) return { code: 3, stdout: 'inactive\n', stderr: '' };
  if (!unit) return bad(5, `Unit ${name} not loaded.`);
  try {
    return await action({ machine, services, unit, now: flags.includes('--now') });
  } catch (error) {
    return bad(1, (error as Error).message);
  }
}

const withSuffix = (name: string): string => (name.includes('.') ? name : `${name}.service`);

function enablement(machine: Machine, unit: Unit): 'enabled' | 'disabled' | 'static' {
  if (!unit.file.has('Install')) return 'static';
  const links = existsSync(inTree(machine, WANTS)) ? readdirSync(inTree(machine, WANTS)) : [];
  return links.includes(unit.name) ? 'enabled' : 'disabled';
}

function show(machine: Machine, services: Services, patterns: string[], flags: string[]): string {
  const wanted = flags
    .find((flag) => flag.startsWith('--property='))
    ?.slice('--property='.length)
    .split(',');
  const matches = patterns.map((pattern) => globPattern(withSuffix(pattern)));
  const blocks = services
    .units()
    .filter((unit) => matches.some((match) => match.test(unit.name)))
    .map((unit) => {
      const properties = propertiesOf(machine, unit);
      const keys = wanted ?? Object.keys(properties);
      return keys.flatMap((key) => (key in properties ? [`${key}=${properties[key]}`] : [])).join('\n');
    });
  return blocks.length ? `${blocks.join('\n\n')}\n` : '';
}

function propertiesOf(machine: Machine, unit: Unit): Record<string, string> {
  const exec = setting(unit.file, 'Service', 'ExecStart') ?? '';
  const path = exec.split(/\s/, 1)[0]!;
  const since = unit.startedAt ? new Date(unit.startedAt).toUTCString() : 'n/a';
  return {
    Id: unit.name,
    Description: setting(unit.file, 'Unit', 'Description') ?? unit.name,
    LoadState: 'loaded',
    ActiveState: unit.state,
    SubState: { active: 'running', activating: 'auto-restart', failed: 'failed', inactive: 'dead' }[unit.state],
    UnitFileState: enablement(machine, unit),
    MainPID: String(unit.pid),
    FragmentPath: join(UNIT_DIR, unit.name),
    ExecStart: `{ path=${path} ; argv[]=${exec} ; ignore_errors=no ; start_time=[${since}] ; stop_time=[n/a] ; pid=${unit.pid} ; code=(null) ; status=0/0 }`,
  };
}

function globPattern(pattern: string): RegExp {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`);
}
