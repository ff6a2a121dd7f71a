import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import type { Host } from '../host.ts';
import { readUnits, type Unit } from './systemd.ts';

export type ServiceAction = 'restart' | 'reload' | 'stop' | 'start';
const SETTLE_SECONDS = 30;
const ACTION_TIMEOUT_MS = 120_000;

export async function readUnit(host: Host, name: string): Promise<Unit> {
  const unit = (await readUnits(host))?.get(name);
  if (!unit) throw new AppError('STEP_DRIFT', { what: `${name}: there is no such service on the host` });
  return unit;
}

/** Does it and waits until the service is as it should be: a service that starts and dies at once has not started. */
export async function control(host: Host, action: ServiceAction, name: string): Promise<Unit> {
  await run(host, ['systemctl', action, name], { timeoutMs: ACTION_TIMEOUT_MS });
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
