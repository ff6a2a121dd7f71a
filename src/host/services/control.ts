import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import type { Host } from '../host.ts';
import { readOne, readUnits, type Unit } from './systemd.ts';

export type ServiceAction = 'restart' | 'reload' | 'stop' | 'start';
const SETTLE_SECONDS = 30;
const ACTION_TIMEOUT_MS = 120_000;

export async function readUnit(host: Host, name: string): Promise<Unit> {
  const unit = (await readUnits(host))?.get(name) ?? (await readOne(host, name));
  if (!unit) throw new AppError('STEP_DRIFT', { what: `${name}: there is no such service on the host` });
  return unit;
}

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
  const isDone = options.unless !== undefined && options.unless(await readUnit(host, name));
  if (!isDone) await run(host, ['systemctl', action, name], { timeoutMs: ACTION_TIMEOUT_MS });
  const wanted = action === 'stop' ? 'stopped' : 'running';
  const deadline = Date.now() + SETTLE_SECONDS * 1000;
  for (;;) {
    const unit = await readUnit(host, name);
    if (unit.state === wanted) return unit;
    if (unit.state === 'failed' || Date.now() > deadline)
      throw new AppError('STEP_SERVICE', { name, action, wanted, seconds: SETTLE_SECONDS, state: unit.state });
    await sleep(250);
  }
}

/** Whether it starts at boot. */
export async function setEnabled(host: Host, name: string, enabled: boolean): Promise<Unit> {
  const action = enabled ? 'enable' : 'disable';
  await run(host, ['systemctl', action, name], { timeoutMs: ACTION_TIMEOUT_MS });
  const unit = await readUnit(host, name);
  if (unit.enabled === enabled) return unit;
  const what = `systemctl ${action} ended well, but ${name} ${enabled ? 'does not start' : 'starts'} at boot`;
  throw new AppError('STEP_NOT_EFFECTIVE', { what });
}
