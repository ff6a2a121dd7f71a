import { AppError } from '../../model/errors/index.ts';
import { run } from '../command.ts';
import { readText, type Host } from '../host.ts';
import { NO_EFFECTS, type HostStep, type Seen, type StepContext } from './contract.ts';

/** The second day of 1970: over in every time zone. PAM and sshd turn an expired account away, whatever it proves itself by. */
const EXPIRED = '1';

/**
 * Locks the password and expires the account: the first alone leaves keys in force. Of the hash nothing is told or kept: it
 * stays in the file behind a `!`, from where undoing takes it.
 */
export const lockUser: HostStep<'lock-user'> = {
  kind: 'lock-user',
  async inspect(host, { user }, context) {
    const before = await look(host, user, context);
    if (before.locked && before.expires === EXPIRED) return { before, effects: NO_EFFECTS, already: before };
    const change = `${user}: password locked, account expired; sessions that are open stay open`;
    return { before, effects: { ...NO_EFFECTS, files: [{ path: '/etc/shadow', change }] } };
  },
  async apply(host, { user }, _before, context) {
    await run(host, ['usermod', '-L', '-e', EXPIRED, user]);
    const now = await look(host, user, context);
    if (now.locked && now.expires === EXPIRED) return now;
    throw new AppError('STEP_NOT_EFFECTIVE', { what: `usermod ended well, but ${user} is not locked` });
  },
  async undo(host, { user }, before, context) {
    const now = await look(host, user, context);
    const unlock = before['locked'] === false && now.locked;
    // usermod unlocks no account that has no password to go back to.
    if (unlock && before['empty'] === true) await run(host, ['usermod', '-p', '', user]);
    const words = unlock && before['empty'] !== true ? ['-U'] : [];
    await run(host, ['usermod', ...words, '-e', dateOf(String(before['expires'] ?? '')), user]);
    return look(host, user, context);
  },
};

/** usermod takes a day, never the number that shadow holds, in all its versions; nothing for never. */
function dateOf(days: string): string {
  return /^\d+$/.test(days) ? new Date(Number(days) * 86_400_000).toISOString().slice(0, 10) : '';
}

interface Account extends Seen {
  user: string;
  locked: boolean;
  /** there was no password at all */
  empty: boolean;
  /** days since 1970, as shadow holds them; '' never */
  expires: string;
}

async function look(host: Host, user: string, { login }: StepContext): Promise<Account> {
  const row = await rowOf(host, '/etc/passwd', user);
  if (!row) throw new AppError('STEP_DRIFT', { what: `${user}: there is no such account in /etc/passwd` });
  if (Number(row[2]) === 0) throw new AppError('STEP_LOCK', { user, why: 'it has the rights of root (user id 0)' });
  if (user === login?.user)
    throw new AppError('STEP_LOCK', { user, why: 'it is the login by which Lastember reaches this host' });
  const shadow = await rowOf(host, '/etc/shadow', user);
  if (!shadow) throw new AppError('STEP_LOCK', { user, why: 'it has no entry in /etc/shadow to lock' });
  const secret = shadow[1] ?? '';
  return { user, locked: secret.startsWith('!'), empty: secret === '', expires: shadow[7] ?? '' };
}

async function rowOf(host: Host, path: string, user: string): Promise<string[] | null> {
  const lines = ((await readText(host, path)) ?? '').split('\n');
  return lines.find((line) => line.startsWith(`${user}:`))?.split(':') ?? null;
}
