import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { isUp, tell, toBoot, type Action, type Manager } from './commands.ts';
import { levelsOf } from './openrc.ts';
import { readServices } from './manager.ts';
import { readOne, type Unit } from './systemd.ts';

export type ServiceAction = Action;
const SETTLE_SECONDS = 30;
/** Init scripts end when their daemon has forked: one that dies of its settings does so a moment later. */
const STAYS_MS = 1000;

interface Found {
  manager: Manager;
  unit: Unit;
}

async function find(host: Host, name: string): Promise<Found> {
  const services = await readServices(host);
  if (services === null) throw new AppError('HOST_NO_SERVICES');
  const { manager, units } = services;
  // Elsewhere nobody calls a service so, but a kit may.
  const names = manager === 'systemd' ? [name] : [name, name.replace(/\.service$/, '')];
  const known = names.map((one) => units.get(one)).find((one) => one !== undefined);
  const unit = known ?? (manager === 'systemd' ? await readOne(host, name) : null);
  if (!unit) throw new AppError('STEP_DRIFT', { what: `${name}: there is no such service on the host` });
  return { manager, unit: unit.state === 'unknown' ? await asked(host, manager, unit) : unit };
}

/** An init script that starts nothing which stays, or does not say what: it is asked itself, where it knows the word. */
async function asked(host: Host, manager: Manager, unit: Unit): Promise<Unit> {
  const up = manager === 'systemd' ? null : await isUp(host, manager, unit);
  return up === null ? unit : { ...unit, state: up ? 'running' : 'stopped' };
}

export const readUnit = async (host: Host, name: string): Promise<Unit> => (await find(host, name)).unit;

/**
 * Does it and waits until the service is as it should be: a service that starts and dies at once has not started.
 * `unless`: it was done already, by a try that was cut off; then it is only waited for.
 */
export async function control(
  host: Host,
  action: ServiceAction,
  name: string,
  options: { unless?: (unit: Unit) => boolean } = {},
): Promise<Unit> {
  const before = await find(host, name);
  if (!options.unless?.(before.unit)) await tell(host, before.manager, action, before.unit);
  return settled(host, action, name);
}

async function settled(host: Host, action: ServiceAction, name: string): Promise<Unit> {
  const wanted = action === 'stop' ? 'stopped' : 'running';
  const deadline = Date.now() + SETTLE_SECONDS * 1000;
  const failed = (state: string): AppError =>
    new AppError('STEP_SERVICE', { name, action, wanted, seconds: SETTLE_SECONDS, state });
  for (;;) {
    const unit = await lasting(host, name, wanted);
    if (unit === null) throw failed('stopped: it ran for a moment only');
    if (isAs(unit, wanted)) return unit;
    if (unit.state === 'failed' || Date.now() > deadline) throw failed(unit.state);
    await sleep(250);
  }
}

/** What nobody can say of a script is believed of the exit code that it gave. */
const isAs = (unit: Unit, wanted: 'running' | 'stopped'): boolean => unit.state === wanted || unit.state === 'unknown';

/**
 * The service as it is. systemd watches what it started; the others do not, so a daemon of theirs is looked at twice: null
 * when it ended meanwhile.
 */
async function lasting(host: Host, name: string, wanted: 'running' | 'stopped'): Promise<Unit | null> {
  const { manager, unit } = await find(host, name);
  if (manager === 'systemd' || wanted === 'stopped' || unit.state !== 'running' || unit.mainPid === null) return unit;
  await sleep(STAYS_MS);
  const later = await readUnit(host, name);
  if (later.state === 'stopped') return null;
  return later;
}

/** Whether it starts at boot. `levels`: those of OpenRC that it was in, where it is put back into them. */
export async function setEnabled(
  host: Host,
  name: string,
  enabled: boolean,
  levels: readonly string[] = [],
): Promise<Unit> {
  const found = await find(host, name);
  if (found.unit.enabled === enabled) return found.unit;
  const those = enabled ? levels : await levelsOf(host, found.unit.name);
  const said = await toBoot(host, found.manager, found.unit.name, { enabled, levels: those });
  const { unit } = await find(host, name);
  if (unit.enabled === enabled) return unit;
  const what = `${said} ended well, but ${name} ${enabled ? 'does not start' : 'starts'} at boot`;
  throw new AppError('STEP_NOT_EFFECTIVE', { what });
}

/** Runlevels of OpenRC that start it; none with another manager. */
export const bootLevels = (host: Host, unit: Unit): Promise<string[]> => levelsOf(host, unit.name);
