import { each } from '../facts/look.ts';
import { readText, type Host } from '../host.ts';
import { remembered } from '../remembered.ts';
import type { Programs } from './programs.ts';
import type { Unit } from './systemd.ts';

const SCRIPTS = '/etc/init.d';
const SCRIPT_LIMIT = 262_144;
/** Paths are shorter; variables that hold each other several times over grow without end. */
const VALUE_LIMIT = 1000;
/** Where links say what starts at boot: Debian's place and Red Hat's. */
const LEVELS = [2, 3, 4, 5].flatMap((level) => [`/etc/rc${level}.d`, `/etc/rc.d/rc${level}.d`]);
/** A script without either is one of the system's own helpers. */
export const IS_SERVICE = /^### BEGIN INIT INFO|^#[ \t]*chkconfig:/m;

/**
 * Services by their init scripts, or null where there are none. No script is run, not even with `status`: old ones do not
 * know that word and may start something. What runs is told by pid files and by the programs that run.
 */
export async function readInitScripts(host: Host, programs: Programs): Promise<Map<string, Unit> | null> {
  const names = await host.list(SCRIPTS);
  if (names === null) return null;
  const started = await startedAtBoot(host);
  const units = await each(names, async (name): Promise<Unit[]> => {
    const path = `${SCRIPTS}/${name}`;
    if ((await host.stat(path))?.kind !== 'file') return [];
    const text = (await readText(host, path, SCRIPT_LIMIT)) ?? '';
    if (!IS_SERVICE.test(text)) return [];
    return [{ name, enabled: started.has(name), unitFile: path, ...(await stateOf(host, name, text, programs)) }];
  });
  return new Map(units.flat().map((unit) => [unit.name, unit]));
}

async function startedAtBoot(host: Host): Promise<Set<string>> {
  const links = await Promise.all(LEVELS.map((directory) => host.list(directory)));
  return new Set(links.flatMap((names) => (names ?? []).flatMap((name) => /^S\d\d(.+)$/.exec(name)?.[1] ?? [])));
}

type State = Pick<Unit, 'state' | 'mainPid' | 'exec'>;

export async function stateOf(host: Host, name: string, text: string, programs: Programs): Promise<State> {
  const { daemon, pidFile } = named(text);
  for (const path of pidFile === null ? [`/run/${name}.pid`, `/run/${name}/${name}.pid`] : [pidFile]) {
    const pid = await programs.alive((await readText(host, path, 4096).catch(() => null)) ?? '', daemon);
    if (pid !== null) return { state: 'running', mainPid: pid, exec: daemon };
  }
  const pid = daemon === null ? null : await programs.firstOf(daemon);
  if (pid !== null) return { state: 'running', mainPid: pid, exec: daemon };
  // Red Hat's scripts leave a lock while they are started. A script without a daemon does its work and ends.
  if ((await host.stat(`/var/lock/subsys/${name}`)) !== null) return { state: 'running', mainPid: null, exec: daemon };
  return { state: daemon === null && pidFile === null ? 'unknown' : 'stopped', mainPid: null, exec: daemon };
}

/** The daemon and its pid file as the script names them: in a variable, for start-stop-daemon, or in its header. */
export function namedIn(text: string): { daemon: string | null; pidFile: string | null } {
  const variables = new Map<string, string>();
  for (const [, name, value] of text.matchAll(
    /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=["']?([^"'\s;$`]*(?:\$\{?\w[^"'\s;`]*)?)["']?[ \t]*(?:#.*)?$/gm,
  )) {
    if (!variables.has(name!)) variables.set(name!, expanded(value!, variables));
  }
  const path = (...candidates: (string | undefined)[]): string | null =>
    candidates.map((one) => expanded(one ?? '', variables)).find((one) => /^\/[^\s$`]+$/.test(one)) ?? null;
  const option = (long: string): string | undefined =>
    new RegExp(String.raw`--${long}[ =]["']?([^\s"']+)`).exec(text)?.[1];
  const header = (name: string): string | undefined =>
    new RegExp(String.raw`^#[ \t]*${name}:[ \t]*(\S+)`, 'm').exec(text)?.[1];
  // So skeletons write it that start nothing which stays.
  if (variables.get('PIDFILE') === 'none') return { daemon: null, pidFile: null };
  return {
    daemon: path(
      variables.get('DAEMON'),
      option('exec'),
      option('startas'),
      variables.get('exec'),
      header('processname'),
    ),
    pidFile: path(variables.get('PIDFILE'), variables.get('pidfile'), option('pidfile'), header('pidfile')),
  };
}

/** Hosts of one release have the same scripts, some dozens each. */
const SCRIPTS_KEPT = 1000;
const named = remembered(SCRIPTS_KEPT, namedIn);

/** `$NAME`, `${NAME}`, `${NAME:-default}`; what the script asks a command for stays as it is and is then no path. */
function expanded(value: string, variables: ReadonlyMap<string, string>): string {
  const text = value
    .slice(0, VALUE_LIMIT)
    .replace(/\$\{(\w+)(?::?[-=]([^}]*))?\}|\$(\w+)/g, (all, braced?: string, fallback?: string, bare?: string) => {
      const known = variables.get(braced ?? bare ?? '');
      return known || fallback || (known ?? all);
    });
  return text.slice(0, VALUE_LIMIT);
}
