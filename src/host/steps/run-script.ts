import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../model/errors/index.ts';
import type { StepOf } from '../../model/kit.ts';
import { readText, type Host } from '../host.ts';
import { masked } from '../masked.ts';
import { cut } from '../text.ts';
import { NO_EFFECTS, type HostStep, type Seen, type StepContext } from './contract.ts';
import { keepCopy, restoreCopy } from './copy.ts';
import { guardPath } from './guard.ts';
import { seenOf, undeclared, type Watched } from './watch.ts';

type ScriptStep = StepOf<'run-script'>;

const SCRIPTS = '/var/lib/lastember/scripts';
const OUTPUT_BYTES = 65_536;
/** As much as `masked` looks through. */
const MASKED_CHARS = 16_384;

/**
 * Runs the script with nothing of anybody's environment and its output in a file, cut at a limit: so it goes on when the
 * agent dies, and how it ended can be read afterwards. `started` and `ended` say how far it came.
 */
const RUN = `
cd "./$1" || exit 1
: > started
{ env -i PATH="$PATH" HOME=/root LANG=C LC_ALL=C sh ./script </dev/null; echo $? > ended.new; mv ended.new ended; } 2>&1 | { head -c ${OUTPUT_BYTES} > output; cat > /dev/null; }
`;

export const runScript: HostStep<'run-script'> = {
  kind: 'run-script',
  async inspect(host, step, { resumed }) {
    const files = [];
    for (const path of step.files) files.push(await keepCopy(host, guardPath(path)));
    const before = resumed ?? { files, token: randomBytes(8).toString('hex') };
    const changed = step.files.map((path) => ({ path, change: 'may be written by the script' }));
    return { before, effects: { ...NO_EFFECTS, files: changed, restarts: step.services } };
  },
  async apply(host, step, before, context) {
    const at = directoryOf(before);
    await host.mkdir(at, 0o700);
    if ((await host.stat(`${at}/started`)) === null) await begin(host, step, at);
    else await waitForEnd(host, step, at, context);
    return judge(host, step, at);
  },
  async undo(host, _step, before) {
    const files: Seen[] = [];
    for (const file of before['files'] as Seen[]) files.push(await restoreCopy(host, file));
    return { files, note: 'files are as they were; what else the script did stays' };
  },
  settle: async (host, before) => {
    await host.exec(['rm', '-rf', host.far ? directoryOf(before) : `.${directoryOf(before)}`]);
  },
};

function directoryOf(before: Seen): string {
  const token = String(before['token']);
  if (!/^[0-9a-f]{16}$/.test(token)) throw new Error(`${token} is no token of a script`);
  return `${SCRIPTS}/${token}`;
}

async function begin(host: Host, step: ScriptStep, at: string): Promise<void> {
  await host.write(`${at}/script`, Buffer.from(step.script), 0o700);
  await host.write(`${at}/seen`, Buffer.from(JSON.stringify(await seenOf(host))), 0o600);
  const top = host.far ? 'cd / && ' : '';
  const limits = { timeoutMs: step.timeoutSeconds * 1000 };
  const ended = await host
    .exec(['sh', '-c', `${top}${RUN}`, 'run', at.slice(1)], limits)
    .catch(async (error: Error) => {
      throw new AppError('STEP_SCRIPT', { what: error.message.replace(/\.$/, ''), output: await outputOf(host, at) });
    });
  if (ended.code === 127) throw new AppError('STEP_UNSUPPORTED', { kind: 'run-script', why: 'it has no shell' });
}

/** A power cut ended it with everything else; when only the agent died, it goes on by itself. It is never begun again. */
async function waitForEnd(host: Host, step: ScriptStep, at: string, { stopping }: StepContext): Promise<void> {
  const startedAt = (await host.stat(`${at}/started`))?.mtime ?? 0;
  const boot = (await readText(host, '/proc/stat').catch(() => null)) ?? '';
  const bootedAt = Number(/^btime (\d+)$/m.exec(boot)?.[1] ?? 0) * 1000;
  while ((await host.stat(`${at}/ended`)) === null) {
    const isOver = bootedAt > startedAt || Date.now() > startedAt + step.timeoutSeconds * 1000;
    if (isOver) {
      const what = 'was cut off, nobody knows where, and is not run a second time';
      throw new AppError('STEP_SCRIPT', { what, output: await outputOf(host, at) });
    }
    if (stopping?.() === true) throw new Error('the agent is to end while the script runs');
    await sleep(200);
  }
}

async function outputOf(host: Host, at: string): Promise<string> {
  const text = ((await readText(host, `${at}/output`)) ?? '').trim();
  // Masked before it is cut: a name may be left behind that says what is a secret.
  return cut(masked(text.slice(-MASKED_CHARS)).slice(-300), 300) || 'none';
}

async function judge(host: Host, step: ScriptStep, at: string): Promise<Seen> {
  const code = Number(await readText(host, `${at}/ended`));
  const before = JSON.parse((await readText(host, `${at}/seen`)) ?? '{}') as Watched;
  const others = undeclared(before, await seenOf(host), step);
  const output = await outputOf(host, at);
  if (code !== 0) {
    const also = others.length > 0 ? `; it also changed what it had not declared: ${others.join(', ')}` : '';
    throw new AppError('STEP_SCRIPT', { what: `ended with ${code}${also}`, output });
  }
  const files: Seen[] = [];
  for (const path of step.files) {
    const { text: _text, copy: _copy, ...rest } = await keepCopy(host, path);
    files.push(rest);
  }
  return { code, output, files, undeclared: others };
}
