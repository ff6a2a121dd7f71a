import { Socket } from 'node:net';
import { sshFingerprint } from '../pki/ssh-fingerprint.ts';
import ssh2 from 'ssh2';
import type { Client, ClientChannel, ConnectConfig } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import type { Become } from './become.ts';
import { gathered } from './gathered.ts';
import { keepKeys } from './kept-keys.ts';

export interface SshTarget {
  address: string;
  port: number;
  username: string;
  auth: { password: string } | { privateKey: string; passphrase?: string } | { agent: string };
  /**
   * Is this the server we mean? `SHA256:…` as ssh-keygen prints it: the pinned fingerprint, or a question asked before
   * anything is sent. There is no default: nobody is trusted by silence.
   */
  trust: string | ((fingerprint: string) => boolean | Promise<boolean>);
  timeoutMs?: number;
  /** how this login becomes root; without, it is what it is */
  become?: Become;
  /** a machine to go through, itself reached through another if it says so */
  via?: SshTarget;
  /** how long a file channel may owe answers and give none, before another is opened */
  patienceMs?: number;
  /** `shell`: by commands only; `sftp`: as small servers are looked at, which can run no program of ours */
  files?: 'shell' | 'sftp';
  /** with files by shell, for tests: the tree below this path stands for the whole machine */
  root?: string;
}

export interface Connected {
  client: Client;
  /** fingerprint of the key the server proved to hold */
  hostKey: string;
  /** ends the connection, and those it goes through */
  end(): void;
}

const name = (target: Pick<SshTarget, 'address' | 'port'>): string => `${target.address}:${target.port}`;

/** A connection that is logged in. The machines on the way see bytes only: each server proves its own key to us. */
export async function connect(target: SshTarget): Promise<Connected> {
  if (!target.via) return logIn(target, null);
  const before = await connect(target.via);
  try {
    const { client, hostKey } = await logIn(target, await forward(before.client, target));
    client.once('close', before.end);
    return { client, hostKey, end: () => client.end() };
  } catch (error) {
    before.end();
    throw error;
  }
}

function forward(client: Client, target: SshTarget): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, target.address, target.port, (cause, stream) => {
      if (cause) reject(unreachable(target, `${name(target.via!)} does not lead there: ${cause.message}`, cause));
      else resolve(stream);
    });
  });
}

async function logIn(target: SshTarget, sock: ClientChannel | null): Promise<Connected> {
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
      answer(prompts.map(({ echo }) => ('password' in target.auth && !echo ? target.auth.password : ''))),
    );
    client.on('ready', () => {
      keepKeys(client);
      resolve({ client, hostKey: presented, end: () => client.end() });
    });
    client.connect({
      sock: sock ?? tcp(target),
      username: target.username,
      ...login,
      hostVerifier: (key: Buffer, answer: (ok: boolean) => void) => void verify(key, answer),
      readyTimeout: target.timeoutMs ?? 15_000,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 4,
    });
  });
}

/** Small requests that each wait for an answer: Nagle's algorithm would add 40 ms to every one. */
const tcp = ({ address, port }: SshTarget): Socket => gathered(new Socket().setNoDelay(true).connect(port, address));

type Login = Pick<ConnectConfig, 'password' | 'tryKeyboard' | 'privateKey' | 'passphrase' | 'agent' | 'authHandler'>;

/** What the login has is offered at once: by itself ssh2 asks first whether it may come in without anything. */
function loginOf({ auth, ...target }: SshTarget): Login {
  if ('password' in auth)
    return { password: auth.password, tryKeyboard: true, authHandler: ['password', 'keyboard-interactive'] };
  if ('agent' in auth) return { ...auth, authHandler: ['agent'] };
  const parsed = ssh2.utils.parseKey(auth.privateKey, auth.passphrase);
  if (parsed instanceof Error)
    throw new AppError('HOST_KEY_UNREADABLE', { host: name(target), why: parsed.message }, { cause: parsed });
  return { ...auth, authHandler: ['publickey'] };
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
