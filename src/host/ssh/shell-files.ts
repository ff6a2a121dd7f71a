import { randomBytes } from 'node:crypto';
import { AppError } from '../../model/errors/index.ts';
import { READ_LIMIT, type Host, type Stat } from '../host.ts';
import { cut } from '../text.ts';
import { shellQuote as q } from './quote.ts';
import { isKernels } from './regular.ts';
import type { Shell } from './shell.ts';
import { statOf } from './stat-fields.ts';

/**
 * Files by commands that every Linux has (GNU coreutils and BusyBox alike): for logins that become root, and for servers
 * without SFTP. `run` carries input to a command without the shell's line in between.
 */
export interface ShellFilesOptions {
  shell: Shell;
  run: Host['exec'];
  /** tests see a tree below this path as the whole machine */
  root?: string;
}

export type ShellFiles = Pick<
  Host,
  'read' | 'list' | 'stat' | 'readlink' | 'write' | 'chmod' | 'rename' | 'remove' | 'mkdir'
>;

/** No script of ours ends with it, so that "is not there" is never taken for an error, nor an error for it. */
const ABSENT = 97;
const THERE = `[ -e "$p" ] || [ -L "$p" ] || exit ${ABSENT}`;

export function shellFiles({ shell, run, root = '' }: ShellFilesOptions): ShellFiles {
  const at = (path: string): string => root + path;
  /** In a subshell, so that `exit` ends the script and not the shell that stays open. */
  const ask = async (doing: string, path: string, script: string): Promise<string | null> => {
    const { code, text } = await shell.ask(`( p=${q(at(path))}; ${script} )`);
    if (code === ABSENT) return null;
    if (code !== 0) throw new AppError('HOST_FILE', { doing, path, why: cut(text.trim(), 500) || `exit ${code}` });
    return text;
  };
  const must = async (doing: string, path: string, script: string): Promise<void> => {
    if ((await ask(doing, path, script)) === null)
      throw new AppError('HOST_FILE', { doing, path, why: 'it is not there' });
  };
  return {
    read: async (path, options) => {
      const limit = options?.maxBytes ?? READ_LIMIT;
      const text = await ask('reading', path, readScript(path, limit));
      const bytes = text === null ? null : Buffer.from(text, 'base64');
      if (bytes && bytes.length > limit) throw new AppError('HOST_FILE_TOO_LARGE', { path, limit });
      return bytes;
    },
    list: async (path) => {
      const text = await ask('listing', path, LIST);
      return (
        text
          ?.split('\0')
          .flatMap((found) => found.split('/').at(-1) || [])
          .sort() ?? null
      );
    },
    stat: async (path) => {
      const text = await ask(
        'looking at',
        path,
        `[ -e "$p" ] || exit ${ABSENT}; stat -L -c '%f %u %g %s %Y %Z %D %i' "$p"`,
      );
      return text === null ? null : parseStat(text, path);
    },
    readlink: async (path) => {
      const text = await ask('looking at', path, `[ -L "$p" ] || exit ${ABSENT}; readlink "$p"`);
      return text === null ? null : text.replace(/\n$/, '');
    },
    write: async (path, bytes, mode) => {
      const temporary = at(path).replace(/([^/]*)$/, `.$1.${randomBytes(6).toString('hex')}.new`);
      await send(run, temporary, bytes, path);
      await must('writing', path, writeScript(temporary, mode));
    },
    chmod: (path, mode) => must('changing the mode of', path, `chmod ${octal(mode)} "$p"`),
    rename: (from, to) =>
      must('renaming', from, `${THERE}; mv -fT "$p" ${q(at(to))} 2>/dev/null || mv -f "$p" ${q(at(to))}`),
    remove: async (path) => {
      await ask('removing', path, `rm -f "$p"`);
    },
    mkdir: (path, mode) =>
      must('making the directory', path, `[ -d "$p" ] || { mkdir -p "$p" && chmod ${octal(mode)} "$p"; }`),
  };
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

const LIST = `${THERE}; [ -d "$p" ] || { echo 'it is no directory'; exit 1; }; find "$p/" -mindepth 1 -maxdepth 1 -print0`;

/** Base64 on the way: the answer is text. One byte more than may be read tells that there is more. */
function readScript(path: string, maxBytes: number): string {
  return [
    THERE,
    `[ ! -d "$p" ] || { echo 'it is a directory'; exit 1; }`,
    // A link that leads nowhere is not there; an empty file is not opened either, it may be a link to the kernel's.
    ...(isKernels(path)
      ? []
      : [
          `[ -e "$p" ] || exit ${ABSENT}; [ -f "$p" ] || { echo 'it is no regular file'; exit 1; }; [ -s "$p" ] || exit 0`,
        ]),
    // Opening it tells what may not be read.
    `: <"$p" || exit 1`,
    `head -c ${maxBytes + 1} <"$p" | base64`,
  ].join('; ');
}

async function send(run: Host['exec'], temporary: string, bytes: Uint8Array, path: string): Promise<void> {
  const stdin = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // A transfer that was cut short must not become the file: the length is compared on the other side.
  const script = `umask 077; set -C; cat >"$1" && [ "$(wc -c <"$1")" -eq ${stdin.length} ] || { rm -f "$1"; exit 1; }; sync "$1" 2>/dev/null || :`;
  const { code, stderr } = await run(['/bin/sh', '-c', script, 'sh', temporary], { stdin, timeoutMs: 600_000 });
  if (code !== 0) throw new AppError('HOST_FILE', { doing: 'writing', path, why: stderr.trim() || `exit ${code}` });
}

/** Through a link, with the owner of what was there, and in one move. */
function writeScript(temporary: string, mode: number): string {
  const t = q(temporary);
  return [
    `d=$(readlink -f "$p") || d=$p`,
    `{ [ ! -e "$d" ] || chown "$(stat -c %u:%g "$d")" ${t} 2>/dev/null || :; }`,
    `chmod ${octal(mode)} ${t} && mv -f ${t} "$d" || { rm -f ${t}; exit 1; }`,
  ].join('; ');
}

function parseStat(text: string, path: string): Stat {
  const [mode = '', uid, gid, size, mtime, ctime, device = '', inode] = text.trim().split(' ');
  const bits = Number.parseInt(mode, 16);
  if (Number.isNaN(bits) || inode === undefined)
    throw new AppError('HOST_FILE', { doing: 'looking at', path, why: `stat said: ${cut(text.trim(), 100)}` });
  return statOf({ mode: bits, uid, gid, size, mtime, ctime, device: BigInt(`0x${device}`), inode });
}
