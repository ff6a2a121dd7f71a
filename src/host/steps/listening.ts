import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import { knockUntil } from '../access/knock.ts';
import { doorOf, nameOf, type Listener } from '../access/listeners.ts';
import type { Host } from '../host.ts';
import { readTcp, socketOwners } from '../proc/net.ts';
import { readUnit } from '../services/control.ts';
import type { Unit } from '../services/systemd.ts';

const ANSWER_MS = 15_000;

/** TCP listeners that the unit's main process holds open; a daemon with workers opens them in the process above them. */
export async function listeningOf(host: Host, { mainPid }: Unit): Promise<Listener[]> {
  if (mainPid === null) return [];
  const rows = (await readTcp(host)).filter((row) => row.state === 'listen');
  if (rows.length === 0) return [];
  const owners = await socketOwners(host, [mainPid]);
  const own = rows.filter((row) => owners.has(row.inode));
  const found = own.map(({ localAddress, localPort }) => ({ address: localAddress, port: localPort }));
  const named = new Map(found.map((one) => [nameOf(one), one]));
  return [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/**
 * A service that listened has to accept connections again. With the settings it had, on the same ports; with new ones, on
 * whichever they name, but on one at least. Returns the listeners that answered.
 */
export async function mustListen(
  host: Host,
  unit: Unit,
  before: readonly Listener[],
  isSameSettings: boolean,
): Promise<string[]> {
  if (before.length === 0) return [];
  const expected = isSameSettings ? before : await newListeners(host, unit.name);
  if (expected.length === 0) throw deaf(unit.name, before);
  const answered: string[] = [];
  for (const listener of expected) {
    const door = await doorOf(host, listener);
    const answer = door === null ? 'unknown' : await knockUntil(host, door, 'any', ANSWER_MS);
    if (answer === 'silent') throw deaf(unit.name, [listener]);
    if (answer === 'answers') answered.push(nameOf(listener));
  }
  return answered;
}

async function newListeners(host: Host, name: string): Promise<Listener[]> {
  const deadline = Date.now() + ANSWER_MS;
  for (;;) {
    const found = await listeningOf(host, await readUnit(host, name));
    if (found.length > 0 || Date.now() > deadline) return found;
    await sleep(300);
  }
}

const deaf = (name: string, at: readonly Listener[]): AppError =>
  new AppError('STEP_DEAF', { name, at: at.map(nameOf).join(', '), seconds: ANSWER_MS / 1000 });
