import { randomBytes } from 'node:crypto';
import { AppError } from '../../../model/errors/index.ts';
import type { SshHost } from '../index.ts';
import { LOCK } from './scripts.ts';

/** A host that nobody else changes over SSH, for as long as the connection lives. */
export interface Lock {
  /** whoever shows it may still act: commands look at it on the host */
  token: string;
  isHeld(): boolean;
  free(): Promise<void>;
}

const PATIENCE_MS = 30_000;
const FREE_MS = 3000;

/** `access`: who ends an earlier holder of the same access, which hangs on a dead connection; `name` is for people. */
export async function lockHost(remote: SshHost, { access, name }: { access: string; name: string }): Promise<Lock> {
  const token = randomBytes(12).toString('hex');
  const { channel, ended } = await remote.open(['/bin/sh', '-c', LOCK, 'sh', token, access, name]);
  let isHeld = false;
  const over = ended.then(() => {
    isHeld = false;
  });
  const said = await firstLine(channel, over);
  if (said !== 'held') {
    channel.end();
    throw new AppError('HOST_LOCKED', { host: remote.name, by: said.replace(/^busy /, '') || 'nobody who says so' });
  }
  isHeld = true;
  channel.on('data', () => {}).resume();
  const free = async (): Promise<void> => {
    channel.end();
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, FREE_MS).unref())]);
  };
  return { token, isHeld: () => isHeld, free };
}

type Channel = Awaited<ReturnType<SshHost['open']>>['channel'];

function firstLine(channel: Channel, over: Promise<void>): Promise<string> {
  let text = '';
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve('busy and silent'), PATIENCE_MS);
  const listen = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
    if (text.includes('\n') || text.length > 1000) resolve(text.split('\n')[0]!);
  };
  channel.on('data', listen).resume();
  channel.stderr.resume();
  void over.then(() => resolve(text.trim()));
  return promise.finally(() => {
    clearTimeout(timer);
    channel.off('data', listen);
  });
}
