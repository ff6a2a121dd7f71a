import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Archive } from '../archive.ts';
import { find } from '../found.ts';
import { MARK, markOf, netnsPath, type Place } from '../place.ts';
import { LAB_ADDRESS, MIRROR_PORT } from '../spec.ts';
import type { MirrorSettings } from './main.ts';

const START_MS = 20_000;

/** Starts the mirror when there is none. It goes on when `up` has ended. */
export async function startMirror(place: Place, archive: Archive): Promise<void> {
  if (find(place).processes.some(({ part }) => part === 'mirror')) return;
  const settings: MirrorSettings = {
    namespace: netnsPath(place.name),
    address: LAB_ADDRESS,
    port: MIRROR_PORT,
    directory: join(place.cache, 'archive'),
    upstreams: { debian: archive.main, ...(archive.security ? { 'debian-security': archive.security } : {}) },
  };
  const path = join(place.run, 'mirror.log');
  const log = openSync(path, 'w', 0o600);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), JSON.stringify(settings)], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'] ?? '', [MARK]: markOf(place, 'mirror') },
  });
  closeSync(log);
  child.unref();
  let ended = false;
  child.on('error', () => (ended = true)).on('exit', () => (ended = true));
  const deadline = Date.now() + START_MS;
  for (;;) {
    const said = readFileSync(path, 'utf8');
    if (/^ready$/m.test(said)) return;
    if (ended || Date.now() > deadline) throw new Error(`The mirror did not start: ${said.trim().slice(-800)}`);
    await sleep(30);
  }
}
