import { control, readUnit } from '../services/control.ts';
import type { Unit } from '../services/systemd.ts';
import { NO_EFFECTS, type HostStep, type Seen } from './contract.ts';

const seen = (unit: Unit): Seen => ({ service: unit.name, state: unit.state, pid: unit.mainPid });

export const service: HostStep<'service'> = {
  kind: 'service',
  async inspect(host, step, { resumed }) {
    const unit = await readUnit(host, step.name);
    const effects = { ...NO_EFFECTS, restarts: step.action === 'reload' ? [] : [step.name] };
    if (isDone(step.action, unit, resumed)) return { before: seen(unit), effects: NO_EFFECTS, already: seen(unit) };
    return { before: seen(unit), effects };
  },
  apply: async (host, step) => seen(await control(host, step.action, step.name)),
  async undo(host, step, before) {
    const wasRunning = before['state'] === 'running';
    if (step.action === 'start' || step.action === 'stop') {
      const unit = await readUnit(host, step.name);
      if ((unit.state === 'running') === wasRunning) return seen(unit);
      return seen(await control(host, wasRunning ? 'start' : 'stop', step.name));
    }
    // What the restart picked up was put back by other steps; the service has to pick that up as well.
    return wasRunning ? seen(await control(host, step.action, step.name)) : seen(await readUnit(host, step.name));
  },
};

/** A restart is done only when it is *this* one: the process is another than before the try that was cut off. */
function isDone(action: string, unit: Unit, resumed: Seen | null): boolean {
  if (action === 'stop') return unit.state === 'stopped';
  if (action === 'start') return unit.state === 'running';
  if (action === 'reload' || resumed === null || unit.state !== 'running') return false;
  return unit.mainPid !== null && unit.mainPid !== resumed['pid'];
}
