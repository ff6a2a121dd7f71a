import { setTimeout as sleep } from 'node:timers/promises';
import { failed, PAUSES_MS, type Result, type StepSite } from './contract.ts';

const PATIENCE_MS = 20_000;

/** After the last step, from outside: the task's listeners accept. Services are looked at with the fresh facts of verification. */
export async function checkHealth({ deps, task, beganAt }: StepSite): Promise<Result> {
  let down: string[] = [];
  const listeners = task.health.filter((one) => one.kind === 'listener');
  for (const pause of PAUSES_MS) {
    await sleep(pause);
    down = [];
    for (const { address, port } of listeners) {
      const endpoint = await deps.discovery
        .probeNow(address, port, { hostId: task.hostId })
        .catch((error: Error) => error);
      if (endpoint instanceof Error) down.push(`${address}:${port} (${endpoint.message})`);
      else if (endpoint.state !== 'open' || endpoint.lastError !== null) {
        down.push(`${address}:${port} (${endpoint.lastError ?? endpoint.state})`);
      }
    }
    if (down.length === 0) {
      const after = { listeners: listeners.map((one) => `${one.address}:${one.port}`) };
      return { kind: 'done', changed: false, before: {}, after };
    }
  }
  const why = `does not accept: ${down.join(', ')}`;
  return deps.platform.now().getTime() - beganAt.getTime() < PATIENCE_MS ? { kind: 'wait', why } : failed(why);
}
