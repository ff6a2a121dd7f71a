import { sha256 } from '../canonical.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { writeChecked } from './checked.ts';
import { keepCopy, octal, restoreCopy } from './copy.ts';
import { guardPath } from './guard.ts';

export const writeFile: HostStep<'write-file'> = {
  kind: 'write-file',
  async inspect(host, step, { resumed }) {
    guardPath(step.path);
    const before = await keepCopy(host, step.path);
    const same = before['sha256'] === sha256(step.content) && before['mode'] === step.mode;
    // After a cut its reader has still to say whether it takes it.
    if (same && resumed === null) return { before, effects: NO_EFFECTS, already: before };
    const change = before['exists'] === true ? 'replaced' : 'created';
    return { before, effects: { ...NO_EFFECTS, files: [{ path: step.path, change }] } };
  },
  async apply(host, { path, content, mode }, before) {
    await writeChecked(host, path, content, { mode: Number.parseInt(mode, 8), before });
    const stat = await host.stat(path);
    return { path, exists: true, mode: octal(stat?.mode ?? 0), sha256: sha256(content) };
  },
  undo: (host, step, before) => restoreCopy(host, { ...before, path: step.path }),
};
