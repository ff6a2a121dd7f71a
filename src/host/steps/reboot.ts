import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { readServices } from '../services/manager.ts';
import type { Unit } from '../services/systemd.ts';
import { NO_EFFECTS, type HostStep, type Seen, type StepContext } from './contract.ts';

const DOWN_MS = 10 * 60_000;
const UNITS_SECONDS = 180;
const LOOK_MS = 500;

/**
 * Boots the machine anew, once: whether it has is told by the boot id, which no two boots share. Asking ends with the
 * machine, so the step is cut off there and brought to its end by whoever comes back after the start.
 */
export const reboot: HostStep<'reboot'> = {
  kind: 'reboot',
  async inspect(host, step, context) {
    const now = await bootOf(host);
    const before = context.resumed ?? { ...now, units: await runningUnits(host) };
    const first = context.resumed?.['bootId'] ?? step.since;
    if (first !== undefined && first !== now.bootId) {
      const units = context.resumed === null ? [] : (before['units'] as string[]);
      return { before, effects: NO_EFFECTS, already: await comeBack(host, step.kernel, units, context) };
    }
    if (step.kernel !== undefined && step.kernel === now.kernel && step.since === undefined)
      return { before, effects: NO_EFFECTS, already: now };
    return { before, effects: { ...NO_EFFECTS, restarts: ['every service: the host reboots'] } };
  },
  async apply(host, _step, before, context) {
    await ask(host);
    const deadline = Date.now() + DOWN_MS;
    while (Date.now() < deadline) {
      if (context.stopping?.() === true) throw goingDown();
      await sleep(LOOK_MS);
      // Over SSH this is where the connection ends.
      if ((await bootOf(host)).bootId !== before['bootId']) return comeBack(host, _step.kernel, [], context);
    }
    throw new AppError('STEP_REBOOT', { seconds: DOWN_MS / 1000 });
  },
  /** The machine has been down; nothing makes that undone. What earlier steps changed is theirs to take back. */
  undo: async (host) => ({ ...(await bootOf(host)), note: 'a reboot cannot be undone' }),
};

const goingDown = (): Error => new Error('the machine goes down');

interface Boot extends Seen {
  bootId: string;
  kernel: string;
}

async function bootOf(host: Host): Promise<Boot> {
  const line = async (path: string): Promise<string> => ((await readText(host, path, 4096)) ?? '').trim();
  const bootId = await line('/proc/sys/kernel/random/boot_id');
  if (bootId === '') {
    const what = 'this kernel tells no boot id, so nobody could say whether a reboot has happened';
    throw new AppError('STEP_DRIFT', { what });
  }
  return { bootId, kernel: await line('/proc/sys/kernel/osrelease') };
}

/** A manager that goes down at once may end the command that asked before it has answered. */
async function ask(host: Host): Promise<void> {
  for (const argv of [['systemctl', 'reboot'], ['shutdown', '-r', 'now'], ['reboot']]) {
    const { code, stderr } = await host.exec(argv, { timeoutMs: 120_000 }).catch((error: unknown) => {
      if (isAppError(error, 'HOST_COMMAND')) return { code: 143, stderr: '' };
      throw error;
    });
    if (code === 0 || code >= 128) return;
    if (code !== 127 && argv[0] === 'reboot')
      throw new AppError('HOST_COMMAND', { command: argv.join(' '), code, why: stderr.trim() || 'it printed nothing' });
  }
}

/** Services that start at boot and run now; what a timer or a person has started need not be there after the next boot. */
const starts = (unit: Unit): boolean => unit.enabled === true && unit.state === 'running' && unit.mainPid !== null;

async function runningUnits(host: Host): Promise<string[]> {
  const units = (await readServices(host))?.units.values() ?? [];
  return [...units]
    .filter(starts)
    .map((unit) => unit.name)
    .sort();
}

/** It is up again: the kernel that was wanted, and what ran before. Others than us are still starting, so they get time. */
async function comeBack(
  host: Host,
  kernel: string | undefined,
  units: readonly string[],
  { stopping, waits }: StepContext,
): Promise<Seen> {
  const now = await bootOf(host);
  if (kernel !== undefined && kernel !== now.kernel)
    throw new AppError('STEP_REBOOTED', { what: `kernel ${now.kernel} runs instead of ${kernel}` });
  const deadline = Date.now() + (waits?.units ?? UNITS_SECONDS) * 1000;
  for (;;) {
    const running = new Set(await runningNames(host));
    const missing = units.filter((name) => !running.has(name));
    if (missing.length === 0) return { ...now, units: units.length };
    if (Date.now() > deadline)
      throw new AppError('STEP_REBOOTED', { what: `${missing.join(', ')} ran before and did not come back` });
    if (stopping?.() === true) throw goingDown();
    await sleep(LOOK_MS * 2);
  }
}

async function runningNames(host: Host): Promise<string[]> {
  const units = (await readServices(host))?.units.values() ?? [];
  return [...units].filter((unit) => unit.state === 'running').map((unit) => unit.name);
}
