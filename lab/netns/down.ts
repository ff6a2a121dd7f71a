/** Takes a lab away, whatever state it is in: works from what is found, so a killed `up` leaves nothing either. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, run } from './command.ts';
import { find, mountsBelow, nothing, type Found, type FoundProcess } from './found.ts';
import type { Place } from './place.ts';
import { isOurs, lock, readState } from './state.ts';

export interface Downed {
  /** nothing was there */
  idle: boolean;
  ended: number;
  /** still in the namespace that is gone by name; theirs to end */
  strangers: FoundProcess[];
}

const GONE_MS = 10_000;

export async function down(place: Place): Promise<Downed> {
  const before = find(place);
  if (nothing(before)) return { idle: true, ended: 0, strangers: before.strangers };
  if (before.directory && !isOurs(place))
    throw new Error(`${place.run} is not a lab's directory: nothing was removed.`);
  if (before.directory) lock(place);
  const unmount = readState(place)?.madeNetnsMount ?? false;
  const ended = await endAll(place);
  for (const namespace of find(place).namespaces) await must(['ip', 'netns', 'delete', namespace]);
  if (before.directory) await removeDirectory(place);
  if (unmount) await unmountNetns();
  const left = find(place);
  if (!nothing(left)) throw new Error(`Some of the lab is still there: ${describe(left)}`);
  return { idle: false, ended, strangers: before.strangers };
}

/**
 * By force: what hosts wrote goes anyway. Whoever is PID 1 of a host takes all of it along, but a killed `up` may have
 * left anything, so we look again until there is nothing.
 */
async function endAll(place: Place): Promise<number> {
  const seen = new Set<number>();
  const deadline = Date.now() + GONE_MS;
  for (;;) {
    const { processes } = find(place);
    if (processes.length === 0) return seen.size;
    if (Date.now() > deadline) throw new Error(`These do not end: ${describe(find(place))}`);
    for (const { pid } of processes) {
      seen.add(pid);
      kill(pid);
    }
    await sleep(50);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}

/** Hosts mount in namespaces of their own, so a mount here is somebody's debugging; never is it removed through. */
async function removeDirectory(place: Place): Promise<void> {
  for (const mount of mountsBelow(place.run)) await run(['umount', '--lazy', mount]);
  if (mountsBelow(place.run).length > 0) throw new Error(`Something is still mounted below ${place.run}.`);
  await must(['rm', '-rf', '--one-file-system', place.run]);
}

async function unmountNetns(): Promise<void> {
  if (!existsSync('/run/netns') || readdirSync('/run/netns').length > 0) return;
  await run(['umount', '/run/netns']);
  rmdirSync('/run/netns');
}

const describe = (found: Found): string =>
  [
    ...found.namespaces.map((name) => `namespace ${name}`),
    ...found.processes.map(({ pid, command }) => `process ${pid} (${command})`),
    ...found.mounts.map((mount) => `mount ${mount}`),
  ].join(', ');
