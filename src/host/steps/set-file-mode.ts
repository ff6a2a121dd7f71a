import { AppError } from '../../model/errors/index.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { octal } from './copy.ts';
import { guardPath } from './guard.ts';

export const setFileMode: HostStep<'set-file-mode'> = {
  kind: 'set-file-mode',
  async inspect(host, { path, mode }) {
    const stat = await host.stat(guardPath(path));
    if (stat === null) throw new AppError('STEP_FILE_ABSENT', { path });
    const before = { path, mode: octal(stat.mode) };
    if (before.mode === mode) return { before, effects: NO_EFFECTS, already: before };
    return { before, effects: { ...NO_EFFECTS, files: [{ path, change: `mode ${before.mode} → ${mode}` }] } };
  },
  async apply(host, { path, mode }) {
    await host.chmod(path, Number.parseInt(mode, 8));
    return { path, mode };
  },
  async undo(host, { path }, before) {
    const mode = String(before['mode']);
    await host.chmod(path, Number.parseInt(mode, 8));
    return { path, mode };
  },
};
