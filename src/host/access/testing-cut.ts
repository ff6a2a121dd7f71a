/**
 * Restarts the sshd of a tree as the step does, and dies by a real SIGKILL at its n-th touch of the host:
 * `testing-cut.ts ROOT N SECONDS JSON`, with before and context's earlier steps as JSON. For tests only.
 */
import type { Host } from '../host.ts';
import { localHost } from '../local.ts';
import type { Earlier, Seen } from '../steps/contract.ts';
import { stepFor } from '../steps/index.ts';

const [root = '', at = '0', seconds = '', json = ''] = process.argv.slice(2);
const given = JSON.parse(json) as { before: Seen; earlier: Earlier[]; resumed: Seen | null };
let left = Number(at);
const real = localHost({ root });
const WRITES = new Set(['write', 'rename', 'remove', 'exec', 'mkdir']);
const host = new Proxy(real as Host, {
  get(target, name) {
    const value = target[name as keyof Host] as unknown;
    if (typeof value !== 'function' || !WRITES.has(String(name))) return value;
    return async (...args: unknown[]): Promise<unknown> => {
      const result = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
      left -= 1;
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      return result;
    };
  },
});
const step = { kind: 'service', name: 'ssh.service', action: 'restart' } as const;
const context = {
  inputs: {},
  task: { steps: [] },
  resumed: given.resumed,
  earlier: given.earlier,
  login: null,
  waits: { guard: Number(seconds) },
  now: () => new Date(),
};
const found = await stepFor(step).inspect(host, step, context);
if (!found.already) await stepFor(step).apply(host, step, given.before, context);
process.stdout.write(JSON.stringify({ touches: Number(at) - left, already: found.already !== undefined }));
