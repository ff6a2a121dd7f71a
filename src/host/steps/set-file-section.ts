import { AppError } from '../../model/errors/index.ts';
import type { StepOf } from '../../model/kit.ts';
import { sha256 } from '../canonical.ts';
import { readText, type Host } from '../host.ts';
import { setSection } from '../settings/section.ts';
import { isSshdFile } from '../settings/sshd-trial.ts';
import { writeChecked } from './checked.ts';
import { NO_EFFECTS, type HostStep } from './contract.ts';
import { keepCopy, restoreCopy } from './copy.ts';
import { guardPath } from './guard.ts';

type SectionStep = StepOf<'set-file-section'>;

export const setFileSection: HostStep<'set-file-section'> = {
  kind: 'set-file-section',
  async inspect(host, step, { resumed }) {
    const marks = step.content.split('\n').filter((line) => /^\S{1,4} (?:BEGIN|END) lastember /.test(line));
    if (marks.length > 0)
      throw new AppError('STEP_DRIFT', { what: `the section ${step.name} holds marks of a section` });
    const before = await keepCopy(host, guardPath(step.path));
    if (before['exists'] !== true) throw new AppError('STEP_FILE_ABSENT', { path: step.path });
    const text = await wantedText(host, step);
    if (sha256(text) === before['sha256'] && resumed === null) return { before, effects: NO_EFFECTS, already: before };
    const change = `section ${step.name} ${step.content === '' ? 'removed' : 'set'}`;
    return { before, effects: { ...NO_EFFECTS, files: [{ path: step.path, change }] } };
  },
  async apply(host, step, before) {
    const text = await wantedText(host, step);
    await writeChecked(host, step.path, text, { mode: Number.parseInt(String(before['mode']), 8), before });
    return { path: step.path, sha256: sha256(text), section: step.name };
  },
  undo: (host, step, before) => restoreCopy(host, { ...before, path: step.path }),
};

async function wantedText(host: Host, step: SectionStep): Promise<string> {
  const text = (await readText(host, step.path)) ?? '';
  // In sshd's files the first value counts, and a Match block runs to the end.
  const isFirst = isSshdFile(step.path) && !/^\s*match\s/i.test(step.content);
  return setSection(text, step, isFirst ? 'start' : 'end');
}
