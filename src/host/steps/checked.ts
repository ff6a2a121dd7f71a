import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../host.ts';
import { isSshdFile, sshdTrial, TRIAL } from '../settings/sshd-trial.ts';
import { cut } from '../text.ts';
import type { Seen } from './contract.ts';
import { restoreCopy } from './copy.ts';

const CHECK_MS = 30_000;
const NO_SUCH_COMMAND = 127;

/**
 * Writes a settings file only if the program that reads it takes it: sshd and sudo judge a trial beside it first. nginx can
 * judge only what is in place, so there the file comes back as the first try of the step saw it (`before`) when it refuses;
 * nothing reads it before a reload.
 */
export async function writeChecked(
  host: Host,
  path: string,
  text: string,
  { mode, before }: { mode: number; before: Seen },
): Promise<void> {
  if (isSshdFile(path)) await trySshd(host, path, text, mode);
  if (/^\/etc\/sudoers(?:\.d\/[^/]+)?$/.test(path))
    await tryOut(host, path, [[`${path}${TRIAL}`, text]], 0o440, ['visudo', '-c', '-f', `${path}${TRIAL}`]);
  await host.write(path, Buffer.from(text), mode);
  if (!path.startsWith('/etc/nginx/')) return;
  const why = await refusal(host, ['nginx', '-t']);
  if (why === null) return;
  await restoreCopy(host, { ...before, path });
  throw new AppError('STEP_INVALID_RESULT', { path, tool: 'nginx -t', why });
}

/** A settings file that sshd refuses would lock everybody out at its next start. */
async function trySshd(host: Host, path: string, text: string, mode: number): Promise<void> {
  const trial = await sshdTrial(host, path, text);
  if (trial !== null) await tryOut(host, path, trial, mode, ['sshd', '-t', '-f', trial[0]![0]]);
}

async function tryOut(
  host: Host,
  path: string,
  files: readonly [path: string, text: string][],
  mode: number,
  argv: readonly string[],
): Promise<void> {
  try {
    for (const [at, content] of files) await host.write(at, Buffer.from(content), mode);
    const why = await refusal(host, argv);
    if (why !== null) throw new AppError('STEP_INVALID_RESULT', { path, tool: argv.slice(0, 2).join(' '), why });
  } finally {
    for (const [at] of files) await host.remove(at);
  }
}

/** What the program says against it; null where it takes it, or is not there to ask. */
async function refusal(host: Host, argv: readonly string[]): Promise<string | null> {
  const { code, stdout, stderr } = await host.exec(argv, { timeoutMs: CHECK_MS });
  if (code === 0 || code === NO_SUCH_COMMAND) return null;
  return cut(stderr.trim() || stdout.trim() || `it ended with ${code}`, 300);
}
