import { each } from '../facts/look.ts';
import { readText, type Host } from '../host.ts';
import type { Programs } from './programs.ts';
import type { Unit } from './systemd.ts';
import { IS_SERVICE, namedIn, stateOf } from './sysv.ts';

const RUN = '/run/openrc';
const SCRIPTS = '/etc/init.d';
const LEVELS = '/etc/runlevels';
/** Levels that a boot does not lead to. */
const NOT_AT_BOOT = new Set(['off', 'recovery', 'shutdown']);

/** Services as OpenRC keeps them in files, or null where there is no OpenRC. */
export async function readOpenrc(host: Host, programs: Programs): Promise<Map<string, Unit> | null> {
  const levels = await host.list(LEVELS);
  if (levels === null || (await host.stat('/sbin/openrc-run')) === null) return null;
  const atBoot = levels.filter((level) => !NOT_AT_BOOT.has(level));
  const enabled = new Set((await each(atBoot, async (level) => (await host.list(`${LEVELS}/${level}`)) ?? [])).flat());
  const started = new Set((await host.list(`${RUN}/started`)) ?? []);
  const failed = new Set((await host.list(`${RUN}/failed`)) ?? []);
  const units = await each((await host.list(SCRIPTS)) ?? [], async (name): Promise<Unit[]> => {
    const path = `${SCRIPTS}/${name}`;
    if ((await host.stat(path))?.kind !== 'file') return [];
    const text = (await readText(host, path, 262_144)) ?? '';
    const unit = { name, enabled: enabled.has(name), unitFile: path };
    // Debian has packages with other init scripts only: OpenRC runs those, and notes nothing of them.
    if (!/^#!.*openrc-run/.test(text))
      return IS_SERVICE.test(text) ? [{ ...unit, ...(await stateOf(host, name, text, programs)) }] : [];
    const daemon = await daemonOf(host, name, text, programs);
    const state = failed.has(name) ? 'failed' : started.has(name) ? daemon.state : 'stopped';
    return [{ ...unit, state, mainPid: daemon.pid, exec: daemon.exec }];
  });
  return new Map(units.flat().map((unit) => [unit.name, unit]));
}

/** Levels of a boot that it is in; none where there is no OpenRC. */
export async function levelsOf(host: Host, name: string): Promise<string[]> {
  const levels = ((await host.list(LEVELS)) ?? []).filter((level) => !NOT_AT_BOOT.has(level));
  const held = await each(levels, async (level) =>
    ((await host.list(`${LEVELS}/${level}`)) ?? []).includes(name) ? [level] : [],
  );
  return held.flat();
}

interface Daemon {
  state: 'running' | 'failed';
  pid: number | null;
  exec: string | null;
}

/**
 * What start-stop-daemon noted when it started it; Debian's, which is not OpenRC's, notes nothing, and then the script says
 * where the number is. A daemon that is gone although nobody stopped it has crashed.
 */
async function daemonOf(host: Host, name: string, script: string, programs: Programs): Promise<Daemon> {
  const notes = await notesOf(host, name);
  const noted = (key: string): string | null => new RegExp(`^${key}=(.+)$`, 'm').exec(notes ?? '')?.[1]?.trim() || null;
  const exec = noted('exec') ?? /^command="?(\/[^\s"$]+)/m.exec(script)?.[1] ?? null;
  const pidFile = notes === null ? named(script, name) : noted('pidfile');
  const number = pidFile === null ? null : await readText(host, pidFile, 4096).catch(() => null);
  // A file that OpenRC noted is there while the daemon is; one that the script names may be for something else.
  if (pidFile === null || (notes === null && number === null)) return { state: 'running', pid: null, exec };
  const pid = await programs.alive(number ?? '', null);
  return { state: pid === null ? 'failed' : 'running', pid, exec };
}

async function notesOf(host: Host, name: string): Promise<string | null> {
  const [first] = (await host.list(`${RUN}/daemons/${name}`)) ?? [];
  return first === undefined ? null : ((await readText(host, `${RUN}/daemons/${name}/${first}`, 65_536)) ?? '');
}

const named = (script: string, name: string): string | null =>
  namedIn(script.replace(/\$\{?(?:RC_)?SVCNAME\b\}?/g, () => name)).pidFile;
