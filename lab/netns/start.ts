/** Starts one host in namespaces of its own and waits until its services are up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostDir, MARK, markOf, namespaceOf, netnsPath, type Place } from './place.ts';
import type { HostSpec } from './spec.ts';

/**
 * What root in a host may do: everything that a server's software needs, and nothing that reaches the machine (no
 * mounts, devices, modules, clock). It keeps a mistake inside; it is no wall against somebody who wants out.
 */
export const CAPABILITIES = `-all,${[
  'chown',
  'dac_override',
  'dac_read_search',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_admin',
  'net_raw',
  'sys_chroot',
  'sys_ptrace',
  'sys_nice',
  'audit_write',
  'setfcap',
]
  .map((name) => `+${name}`)
  .join(',')}`;

const ENTER = join(import.meta.dirname, 'guest/enter.sh');
const START_MS = 90_000;

/** `lower` is one or several directories, the uppermost first. */
export async function startHost(place: Place, spec: HostSpec, lower: readonly string[]): Promise<number> {
  const dir = hostDir(place, spec.name);
  const log = openSync(join(dir, 'console.log'), 'a', 0o600);
  const net = `--net=${netnsPath(namespaceOf(place, spec.name))}`;
  const unshare = 'unshare --fork --pid --mount --uts --ipc --kill-child=SIGKILL'.split(' ');
  const child = spawn('nsenter', [net, ...unshare, ENTER, dir, lower.join(':'), spec.name, spec.disk ?? 'none'], {
    // Its own session: Ctrl-C is for `up`, and hosts go on when `up` has ended.
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env['PATH'] ?? '',
      [MARK]: markOf(place, `host:${spec.name}`),
      LASTEMBER_LAB_CAPABILITIES: CAPABILITIES,
    },
  });
  closeSync(log);
  return untilUp(child, { name: spec.name, dir, ms: START_MS, everyMs: 50 }, () => {
    const pid = child.pid === undefined ? null : initOf(child.pid);
    return pid !== null && existsSync(`/proc/${pid}/root/run/lab/ready`) ? pid : null;
  });
}

/** The first process of a host, as soon as it is ready; where it ends before, or takes too long, an error has its last words. */
export async function untilUp(
  child: ChildProcess,
  { name, dir, ms, everyMs }: { name: string; dir: string; ms: number; everyMs: number },
  ready: () => number | null | Promise<number | null>,
): Promise<number> {
  let ended: string | null = null;
  child.on('error', (error) => (ended = error.message));
  child.on('exit', (code, signal) => (ended = `it ended with ${code ?? signal}`));
  child.unref();
  const deadline = Date.now() + ms;
  for (;;) {
    const pid = await ready();
    if (pid !== null) return pid;
    if (ended !== null || Date.now() > deadline)
      throw new Error(`${name} did not start: ${ended ?? 'it takes too long'}. It said: ${tail(dir)}`);
    await sleep(everyMs);
  }
}

/** The only child of the `unshare` that stays outside is PID 1 inside. */
function initOf(outside: number): number | null {
  try {
    const pid = Number(readFileSync(`/proc/${outside}/task/${outside}/children`, 'utf8').trim().split(' ')[0]);
    return pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

/** PID 1 of a host that runs, as the machine counts. */
export function findInit(place: Place, host: string): number | null {
  const mark = `${MARK}=${markOf(place, `host:${host}`)}\0`;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const own = readFileSync(`/proc/${name}/environ`, 'utf8').concat('\0').includes(mark);
      if (own && /^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${name}/status`, 'utf8'))) return Number(name);
    } catch {
      // ended meanwhile
    }
  }
  return null;
}

function tail(dir: string): string {
  try {
    return readFileSync(join(dir, 'console.log'), 'utf8').trim().slice(-1500) || 'nothing';
  } catch {
    return 'nothing';
  }
}
