import type { Host } from '../host.ts';
import { sha256 } from '../canonical.ts';
import type { Seen } from './contract.ts';

const TEXT_LIMIT = 65_536;
/** Copies that must not travel lie here, readable by the agent only. */
const COPIES = '/var/lib/lastember/backup';
const OTHERS_MAY_READ = 0o004;

/**
 * What a file was, for the outcome and for undoing. A small file that everybody on the host may read is kept as text;
 * of any other the outcome has the hash only, and the bytes stay on the host.
 */
export async function keepCopy(host: Host, path: string): Promise<Seen> {
  const stat = await host.stat(path);
  const bytes = stat === null ? null : await host.read(path);
  if (stat === null || bytes === null) return { path, exists: false };
  const seen = { path, exists: true, mode: octal(stat.mode), sha256: sha256(bytes) };
  const open = (stat.mode & OTHERS_MAY_READ) !== 0 && bytes.length <= TEXT_LIMIT;
  const text = Buffer.from(bytes).toString('utf8');
  if (open && Buffer.from(text, 'utf8').equals(Buffer.from(bytes))) return { ...seen, text };
  await host.mkdir(COPIES, 0o700);
  await host.write(copyOf(seen.sha256), bytes, 0o600);
  return { ...seen, copy: copyOf(seen.sha256) };
}

const copyOf = (hash: string): string => `${COPIES}/${hash}`;

/** The bytes that `keepCopy` saw. */
export async function bytesOf(host: Host, before: Seen): Promise<Uint8Array> {
  const text = before['text'];
  const bytes = typeof text === 'string' ? Buffer.from(text) : await host.read(copyOf(String(before['sha256'])));
  if (bytes === null) throw new Error(`the copy of ${String(before['path'])} is gone`);
  return bytes;
}

/** Puts back what `keepCopy` saw. */
export async function restoreCopy(host: Host, before: Seen): Promise<Seen> {
  const path = String(before['path']);
  if (before['exists'] !== true) {
    await host.remove(path);
    return { path, exists: false };
  }
  const bytes = await bytesOf(host, before);
  await host.write(path, bytes, Number.parseInt(String(before['mode']), 8));
  return { path, exists: true, mode: before['mode'], sha256: sha256(bytes) };
}

export const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
