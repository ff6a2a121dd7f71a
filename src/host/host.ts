/** What we know of one path. `mode` holds the permission bits only. */
export interface Stat {
  kind: 'file' | 'directory' | 'link' | 'other';
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** when the contents were last written, in milliseconds since the epoch; whoever restores a file sets it back */
  mtime: number;
  /** when anything of it last changed, which nobody can set; null where the way in does not show it (SFTP) */
  ctime: number | null;
  /** `major:minor` in hex, as /proc/PID/maps writes it; null where the way in does not show it (SFTP) */
  device: string | null;
  inode: string | null;
}

export interface ExecOptions {
  stdin?: string | Uint8Array;
  timeoutMs?: number;
  /** bytes kept of each stream; the rest is read and dropped */
  maxOutput?: number;
}
export interface ExecResult {
  /** exit code; 127 when the command does not exist, 128 + n when signal n ended it */
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * One machine, whatever the way in. Paths are absolute and as that machine sees them. What is not there is `null`, not
 * an error; what is there and cannot be looked at is an error, so that nobody takes it for absent.
 */
export interface Host {
  /** Every question goes over a network: one large one is better than many, and an answer may not come. */
  readonly far: boolean;
  /** Contents, or null when there is no such file. More than `maxBytes` (default 16 MiB) is refused, never cut. */
  read(path: string, options?: { maxBytes?: number }): Promise<Uint8Array | null>;
  /** Sorted names in a directory, or null when there is none. */
  list(path: string): Promise<string[] | null>;
  /** Follows links. */
  stat(path: string): Promise<Stat | null>;
  /** Target of a symbolic link, or null when it is none. */
  readlink(path: string): Promise<string | null>;
  /** Runs a command without a shell; rejects only when it cannot be run to its end. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Atomic: readers see the old bytes or the new ones. Keeps the owner of what it replaces; follows links. */
  write(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Replaces what stands at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** A file or link; nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  /** With parents; an existing directory is left as it is. */
  mkdir(path: string, mode: number): Promise<void>;
  /** A path as the machine itself names it: without the prefix under which we see its tree. */
  shown(path: string): string;
  /**
   * The host for one look, where questions are dear: it knows what lies at `paths` already, and its
   * commands cost no login of their own. Nothing may be changed through it. Absent where it would make no difference.
   * `missed` hears of small things that it was asked for and had to ask for by themselves.
   */
  glance?(paths: readonly Wanted[], missed?: (one: Wanted) => void): Promise<Host>;
  close(): Promise<void>;
}

/** What is looked at in one go; `*` and `[0-9]` in a path are the shell's. */
export interface Wanted {
  how: 'read' | 'list' | 'stat' | 'readlink';
  paths: string;
}

/** Changes whenever the file does, also where it is put back with the time that it had. */
export const stampOf = ({ mtime, ctime, size, inode }: Stat): string =>
  `${mtime}:${ctime ?? ''}:${size}:${inode ?? ''}`;

export const READ_LIMIT = 16 * 1024 * 1024;
export const OUTPUT_LIMIT = 4 * 1024 * 1024;
export const EXEC_TIMEOUT_MS = 60_000;
/** Where commands are looked up, in this order. */
export const PATH_DIRS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

export async function readText(host: Host, path: string, maxBytes?: number): Promise<string | null> {
  const bytes = await host.read(path, maxBytes === undefined ? {} : { maxBytes });
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}
