import { each } from '../facts/look.ts';
import { readText, type Host } from '../host.ts';
import type { Programs } from './programs.ts';
import type { Unit } from './systemd.ts';

const RUN = '/run/openrc';
const SCRIPTS = '/etc/init.d';
const LEVELS = '/etc/runlevels';

/** Services as OpenRC keeps them in files, or null where there is no OpenRC. */
export async function readOpenrc(host: Host, programs: Programs): Promise<Map<string, Unit> | null> {
  const levels = await host.list(LEVELS);
  if (levels === null || (await host.stat('/sbin/openrc-run')) === null) return null;
  const enabled = new Set((await each(levels, async (level) => (await host.list(`${LEVELS}/${level}`)) ?? [])).flat());
  const started = new Set((await host.list(`${RUN}/started`)) ?? []);
  const failed = new Set((await host.list(`${RUN}/failed`)) ?? []);
  const units = await each((await host.list(SCRIPTS)) ?? [], async (name): Promise<Unit[]> => {
    const path = `${SCRIPTS}/${name}`;
    if ((await host.stat(path))?.kind !== 'file') return [];
    const text = (await readText(host, path, 262_144)) ?? '';
    if (!/^#!.*openrc-run/.test(text)) return [];
    const daemon = await daemonOf(host, name, text, programs);
    const state = failed.has(name) ? 'failed' : started.has(name) ? daemon.state : 'stopped';
    return [{ name, enabled: enabled.has(name), unitFile: path, state, mainPid: daemon.pid, exec: daemon.exec }];
  });
  return new Map(units.flat().map((unit) => [unit.name, unit]));
}

interface Daemon {
  state: 'running' | 'failed';
  pid: number | null;
  exec: string | null;
}

/** What start-stop-daemon noted when it started it. A daemon that is gone although nobody stopped it has crashed. */
async function daemonOf(host: Host, name: string, script: string, programs: Programs): Promise<Daemon> {
  const notes = (await host.list(`${RUN}/daemons/${name}`)) ?? [];
  const text = notes.length === 0 ? '' : ((await readText(host, `${RUN}/daemons/${name}/${notes[0]!}`, 65_536)) ?? '');
  const noted = (key: string): string | null => new RegExp(`^${key}=(.+)$`, 'm').exec(text)?.[1]?.trim() || null;
  const exec = noted('exec') ?? /^command="?(\/[^\s"$]+)/m.exec(script)?.[1] ?? null;
  const pidFile = noted('pidfile');
  if (pidFile === null) return { state: 'running', pid: null, exec };
  const pid = await programs.alive((await readText(host, pidFile, 4096).catch(() => null)) ?? '', null);
  return { state: pid === null ? 'failed' : 'running', pid, exec };
}
