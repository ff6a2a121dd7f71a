import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import type { Client } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';

export interface SshTarget {
  address: string;
  port: number;
  username: string;
  auth: { password: string } | { privateKey: string; passphrase?: string };
  /**
   * Is this the server we mean? `SHA256:…` as ssh-keygen prints it: the pinned fingerprint, or a question asked before
   * anything is sent. There is no default: nobody is trusted by silence.
   */
  trust: string | ((fingerprint: string) => boolean | Promise<boolean>);
  timeoutMs?: number;
}

/** `SHA256:` + unpadded base64, as OpenSSH shows host keys. */
export function sshFingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

const name = (target: SshTarget): string => `${target.address}:${target.port}`;

/** A connection that is logged in, and the fingerprint of the key the server proved to hold. */
export async function connect(target: SshTarget): Promise<{ client: Client; hostKey: string }> {
  const login = loginOf(target);
  const client = new ssh2.Client();
  let presented = '';
  let trusted = false;
  const ask = async (key: Buffer): Promise<boolean> => {
    presented = sshFingerprint(key);
    trusted = typeof target.trust === 'string' ? target.trust === presented : await target.trust(presented);
    return trusted;
  };
  const verify = async (key: Buffer, answer: (ok: boolean) => void): Promise<void> => {
    answer(await ask(key).catch(() => false));
  };
  return new Promise((resolve, reject) => {
    client.on('error', (cause: Error & { level?: string }) => {
      client.destroy();
      reject(explain(target, cause, presented, trusted));
    });
    client.on('close', () => reject(unreachable(target, 'the server closed the connection')));
    client.on('keyboard-interactive', (_name, _text, _lang, prompts, answer) =>
      answer('password' in target.auth ? prompts.map(() => (target.auth as { password: string }).password) : []),
    );
    client.on('ready', () => {
      // Small requests that each wait for an answer: Nagle's algorithm would add 40 ms to every one.
      client.setNoDelay(true);
      resolve({ client, hostKey: presented });
    });
    client.connect({
      host: target.address,
      port: target.port,
      username: target.username,
      ...login,
      hostVerifier: (key: Buffer, answer: (ok: boolean) => void) => void verify(key, answer),
      readyTimeout: target.timeoutMs ?? 15_000,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 4,
    });
  });
}

function loginOf(
  target: SshTarget,
): { password: string; tryKeyboard: true } | { privateKey: string; passphrase?: string } {
  if ('password' in target.auth) return { password: target.auth.password, tryKeyboard: true };
  const parsed = ssh2.utils.parseKey(target.auth.privateKey, target.auth.passphrase);
  if (parsed instanceof Error)
    throw new AppError('HOST_KEY_UNREADABLE', { host: name(target), why: parsed.message }, { cause: parsed });
  return target.auth;
}

function explain(target: SshTarget, cause: Error & { level?: string }, presented: string, trusted: boolean): AppError {
  if (presented !== '' && !trusted)
    return new AppError('HOST_KEY_CHANGED', { host: name(target), presented }, { cause });
  if (cause.level === 'client-authentication')
    return new AppError('HOST_AUTH_REFUSED', { host: name(target), username: target.username }, { cause });
  return unreachable(target, cause.message, cause);
}

function unreachable(target: SshTarget, why: string, cause?: Error): AppError {
  return new AppError('HOST_UNREACHABLE', { host: name(target), why }, { cause });
}
