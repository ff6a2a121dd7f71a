import { AppError } from '../../model/errors/index.ts';
import type { StepOf } from '../../model/kit.ts';
import { forget, guardState, newToken } from '../access/guard.ts';
import type { Listener } from '../access/listeners.ts';
import type { Host } from '../host.ts';
import { bootLevels, control, readUnit, setEnabled } from '../services/control.ts';
import type { Unit } from '../services/systemd.ts';
import { NO_EFFECTS, type HostStep, type Inspection, type Seen, type StepContext } from './contract.ts';
import { controlSshd, hasShell, mustKeepAccess, silentListeners } from './keep-access.ts';
import { listeningOf, mustListen } from './listening.ts';
import { oldFilesOf, putBack } from './old-files.ts';

type ServiceStep = StepOf<'service'>;

const seen = (unit: Unit): Seen => ({ service: unit.name, state: unit.state, pid: unit.mainPid });

export const service: HostStep<'service'> = {
  kind: 'service',
  async inspect(host, step, { resumed, earlier }) {
    const unit = await readUnit(host, step.name);
    if (step.action === 'enable' || step.action === 'disable') return inspectEnabled(host, step, unit);
    if (await isDone(host, step, unit, resumed))
      return { before: seen(unit), effects: NO_EFFECTS, already: { ...seen(unit) } };
    const effects = { ...NO_EFFECTS, restarts: step.action === 'reload' ? [] : [step.name] };
    return { before: resumed ?? (await beforeOf(host, step, unit, earlier)), effects };
  },
  async apply(host, step, before, context) {
    const { action, name } = step;
    if (action === 'enable' || action === 'disable') {
      const unit = await setEnabled(host, name, action === 'enable');
      return { ...seen(unit), enabled: unit.enabled };
    }
    if (typeof before['guard'] === 'string') return seen(await controlSshd(host, step, before, context));
    if (action === 'stop' || action === 'start') return seen(await control(host, action, name));
    return again(host, { ...step, action }, before, context);
  },
  async undo(host, step, before) {
    if (step.action === 'enable' || step.action === 'disable') {
      const was = before['enabled'] === true;
      const levels = (before['levels'] as string[] | undefined) ?? [];
      return { service: step.name, enabled: (await setEnabled(host, step.name, was, levels)).enabled };
    }
    const wasRunning = before['state'] === 'running';
    if (step.action === 'start' || step.action === 'stop') {
      const unit = await readUnit(host, step.name);
      if ((unit.state === 'running') === wasRunning) return seen(unit);
      return seen(await control(host, wasRunning ? 'start' : 'stop', step.name));
    }
    // What the restart picked up was put back by other steps; the service has to pick that up as well.
    return wasRunning ? seen(await control(host, step.action, step.name)) : seen(await readUnit(host, step.name));
  },
  async settle(host, before) {
    if (typeof before['guard'] === 'string') await forget(host, before['guard']);
  },
};

async function inspectEnabled(host: Host, { name, action }: ServiceStep, unit: Unit): Promise<Inspection> {
  if (unit.enabled === null) {
    const what = `${name}: whether it starts at boot is not for its unit file to say (it is static or generated)`;
    throw new AppError('STEP_DRIFT', { what });
  }
  const levels = await bootLevels(host, unit);
  const before = { ...seen(unit), enabled: unit.enabled, ...(levels.length > 0 ? { levels } : {}) };
  if (unit.enabled === (action === 'enable')) return { before, effects: NO_EFFECTS, already: before };
  const change = action === 'enable' ? 'starts at boot' : 'does not start at boot';
  return { before, effects: { ...NO_EFFECTS, files: [{ path: name, change }] } };
}

async function beforeOf(host: Host, step: ServiceStep, unit: Unit, earlier: StepContext['earlier']): Promise<Seen> {
  if (mustKeepAccess(step) && (await hasShell(host)))
    return { ...seen(unit), guard: newToken(), silent: await silentListeners(host, step.name, earlier) };
  const ports = await listeningOf(host, unit);
  return ports.length > 0 ? { ...seen(unit), ports } : seen(unit);
}

/** A restart is done only when it is *this* one: the process is another than before the try that was cut off. */
async function isDone(host: Host, { action }: ServiceStep, unit: Unit, resumed: Seen | null): Promise<boolean> {
  if (action === 'stop') return unit.state === 'stopped';
  if (action === 'start') return unit.state === 'running';
  if (resumed === null) return false;
  // Whether we can still log in was to be seen after the restart: without that, nothing is done.
  const guard = resumed['guard'];
  if (typeof guard === 'string' && (await guardState(host, guard)) !== 'confirmed') return false;
  if (action === 'reload' || unit.state !== 'running') return false;
  return unit.mainPid !== null && unit.mainPid !== resumed['pid'];
}

/**
 * Restarts or reloads, and looks whether it came back and answers. Where it did not, settings of its own that this task
 * changed are put back and it is started with those: that cannot wait for somebody to decide.
 */
async function again(
  host: Host,
  step: { name: string; action: 'restart' | 'reload' },
  before: Seen,
  { earlier, stopping }: StepContext,
): Promise<Seen> {
  const { name, action } = step;
  const files = await oldFilesOf(host, name, earlier);
  const ports = (before['ports'] as Listener[] | undefined) ?? [];
  try {
    const unit = await control(host, action, name);
    const answers = await mustListen(host, unit, ports, files.length === 0);
    return answers.length > 0 ? { ...seen(unit), answers } : seen(unit);
  } catch (error) {
    if (files.length === 0 || before['state'] !== 'running' || stopping?.() === true) throw error;
    await putBack(host, files);
    const back = await control(host, 'restart', name).then(
      () => 'and it runs with them again',
      (cause: Error) => `but with them it does not run either (${cause.message})`,
    );
    const paths = files.map((file) => file.path).join(', ');
    throw new AppError('STEP_PUT_BACK', { why: (error as Error).message.replace(/\.$/, ''), paths, back });
  }
}
