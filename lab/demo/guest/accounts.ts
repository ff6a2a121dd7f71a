import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import type { AuthContext } from 'ssh2';
import { inTree, type Machine } from './machine.ts';
import { checkPassword } from './passwords.ts';

/** sshd_config: lower-cased keyword → the first value given, as sshd takes it. */
export function sshdSettings(machine: Machine): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of read(machine, '/etc/ssh/sshd_config').split('\n')) {
    const match = /^\s*([A-Za-z]\w*)[\s=]+(.+?)\s*$/.exec(line);
    if (!match) continue;
    const key = match[1]!.toLowerCase();
    if (!settings.has(key)) settings.set(key, match[2]!);
  }
  return settings;
}

/** May this login attempt in, by the host's own files? */
export function mayLogIn(machine: Machine, settings: Map<string, string>, attempt: AuthContext): boolean {
  const account = lineOf(machine, '/etc/passwd', attempt.username);
  if (!account || !allowed(settings, attempt)) return false;
  if (attempt.method === 'password')
    return checkPassword(attempt.password, lineOf(machine, '/etc/shadow', attempt.username)?.[1] ?? '');
  return attempt.method === 'publickey' && authorized(machine, account[5] ?? '/', attempt);
}

function allowed(settings: Map<string, string>, attempt: AuthContext): boolean {
  const rootRule = attempt.username === 'root' ? (settings.get('permitrootlogin') ?? 'yes') : 'yes';
  if (rootRule === 'no') return false;
  if (attempt.method === 'password') return rootRule === 'yes' && settings.get('passwordauthentication') !== 'no';
  return settings.get('pubkeyauthentication') !== 'no';
}

type KeyAttempt = Extract<AuthContext, { method: 'publickey' }>;

/** Without a signature the client only asks whether the key would do. */
function authorized(machine: Machine, home: string, attempt: KeyAttempt): boolean {
  const offered = attempt.key.data.toString('base64');
  const line = read(machine, `${home}/.ssh/authorized_keys`)
    .split('\n')
    .find((known) => known.split(/\s+/)[1] === offered);
  if (!line) return false;
  if (!attempt.signature || !attempt.blob) return true;
  const key = ssh2.utils.parseKey(line);
  if (key instanceof Error || Array.isArray(key)) return false;
  return key.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true;
}

function lineOf(machine: Machine, path: string, user: string): string[] | undefined {
  return read(machine, path)
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === user);
}

function read(machine: Machine, path: string): string {
  try {
    return readFileSync(inTree(machine, path), 'utf8');
  } catch {
    return '';
  }
}
