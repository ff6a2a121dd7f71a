import { readFile } from 'node:fs/promises';
import { UsageError } from './exit.ts';
import { askSecret } from './prompt.ts';
import { flag, text, texts, type Options } from './run.ts';

type How = { username: string; become?: 'sudo' | 'doas' };
export type OnceLogin = How & ({ kind: 'password'; password: string } | { kind: 'private-key'; privateKey: string });

/** The login that is given with the command, for this deployment only; null: none is. */
export async function onceLogin(options: Options): Promise<OnceLogin | null> {
  const username = text(options, 'login');
  const [keyFile, passwordFile] = [text(options, 'keyFile'), text(options, 'passwordFile')];
  const become = text(options, 'become') as 'sudo' | 'doas' | undefined;
  if (username === undefined) {
    if (keyFile ?? passwordFile ?? become)
      throw new UsageError('--password-file, --key-file and --become go with --login');
    return null;
  }
  if (texts(options, 'credential').length > 0) throw new UsageError('--login or --credential, not both');
  const how: How = { username, ...(become ? { become } : {}) };
  if (keyFile) return { ...how, kind: 'private-key', privateKey: await readFile(keyFile, 'utf8') };
  const password = passwordFile
    ? (await readFile(passwordFile === '-' ? '/dev/stdin' : passwordFile, 'utf8')).replace(/\r?\n$/, '')
    : await askSecret(`Password of ${username}: `);
  return { ...how, kind: 'password', password };
}

export function onceBody(
  login: OnceLogin,
  hostIds: string[],
  options: Options,
): { login: OnceLogin; hostIds: string[]; force: boolean; acceptHostKey: boolean } {
  if (hostIds.length === 0 || flag(options, 'unknown') || text(options, 'tag'))
    throw new UsageError('--login takes hosts by name: a password is handed to each of them');
  if (flag(options, 'agentless'))
    throw new UsageError(
      '--agentless needs a stored login, since it is used again and again: lastember credential add',
    );
  return { login, hostIds, force: flag(options, 'force'), acceptHostKey: flag(options, 'acceptHostKey') };
}
