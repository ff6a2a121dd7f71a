import { randomBytes } from 'node:crypto';
import { sha256 } from '../canonical.ts';
import type { Host } from '../host.ts';
import { control, readUnit } from '../services/control.ts';
import { NO_EFFECTS, type HostStep, type Seen } from './contract.ts';
import { guardPath } from './guard.ts';

/** A fresh secret and a restart: whatever was signed with the old one is worth nothing from then on. */
export const invalidateSessions: HostStep<'invalidate-sessions'> = {
  kind: 'invalidate-sessions',
  async inspect(host, step, { resumed }) {
    const before = await look(host, guardPath(step.path), step.service);
    const replaced = resumed !== null && before['sha256'] !== resumed['sha256'];
    if (replaced && before['pid'] !== resumed['pid']) return { before, effects: NO_EFFECTS, already: before };
    const files = [{ path: step.path, change: 'fresh session secret' }];
    return { before, effects: { packages: [], files, restarts: [step.service] } };
  },
  async apply(host, step) {
    const mode = (await host.stat(step.path))?.mode ?? 0o600;
    await host.write(step.path, Buffer.from(`${randomBytes(32).toString('hex')}\n`), mode);
    await control(host, 'restart', step.service);
    return look(host, step.path, step.service);
  },
  // The old secret is not kept: bringing it back would bring the stolen sessions back.
  undo: (host, step) => look(host, step.path, step.service),
};

async function look(host: Host, path: string, service: string): Promise<Seen> {
  const bytes = await host.read(path);
  const { mainPid } = await readUnit(host, service);
  return { path, sha256: bytes === null ? null : sha256(bytes), service, pid: mainPid };
}
