import { AppError } from '../../model/errors/index.ts';
import type { StepOf } from '../../model/kit.ts';
import { sha256 } from '../canonical.ts';
import { readText, type Host } from '../host.ts';
import { setLine, type LineRules } from '../settings/lines.ts';
import { effectiveSshd, includedFrom, SSHD_CONFIG } from '../settings/sshd.ts';
import { writeChecked } from './checked.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { keepCopy, restoreCopy } from './copy.ts';
import { guardPath } from './guard.ts';

type LineStep = StepOf<'set-file-line'>;

const PLAIN: LineRules = { ignoreCase: false, stopAt: null, place: 'end' };
/** In sshd_config the first value counts and a Match block runs to the end of the file. */
const SSHD: LineRules = { ignoreCase: true, stopAt: /^\s*match\s/i, place: 'start' };

export const setFileLine: HostStep<'set-file-line'> = {
  kind: 'set-file-line',
  async inspect(host, step, { resumed }) {
    const before = await keepCopy(host, guardPath(step.path));
    if (before['exists'] !== true) throw new AppError('STEP_FILE_ABSENT', { path: step.path });
    const text = await wantedText(host, step);
    if (sha256(text) === before['sha256'] && resumed === null) return { before, effects: NO_EFFECTS, already: before };
    const change = `${step.key}${step.separator}${step.value}`;
    return { before, effects: { ...NO_EFFECTS, files: [{ path: step.path, change }] } };
  },
  async apply(host, step, before) {
    const text = await wantedText(host, step);
    const mode = Number.parseInt(String(before['mode']), 8);
    await writeChecked(host, step.path, text, { mode, before });
    return { path: step.path, sha256: sha256(text), line: `${step.key}${step.separator}${step.value}` };
  },
  undo: (host, step, before) => restoreCopy(host, { ...before, path: step.path }),
};

async function wantedText(host: Host, step: LineStep): Promise<string> {
  const text = (await readText(host, step.path)) ?? '';
  if (step.path !== SSHD_CONFIG) return setLine(text, step, PLAIN);
  const replaced = setLine(text, step, SSHD);
  const effective = await effectiveSshd(replaced, includedFrom(host));
  if (effective[step.key.toLowerCase()] === step.value) return replaced;
  // A file that an Include above the line brings in sets it earlier: the only place that wins is the first line.
  return `${step.key}${step.separator}${step.value}\n${replaced}`;
}
