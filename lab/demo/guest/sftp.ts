import * as fs from 'node:fs/promises';
import { join, normalize } from 'node:path';
import ssh2 from 'ssh2';
import type { Attributes, SFTPWrapper } from 'ssh2';

const { STATUS_CODE, flagsToString } = ssh2.utils.sftp;
const NO_ATTRIBUTES = {} as Attributes;
const READ_LIMIT = 262_144;

type Open = { file: fs.FileHandle } | { names: string[]; path: string };

/** SFTP version 3 over the host's tree. Paths cannot leave it by `..`; a link's target is shown as the host sees it. */
export function serveSftp(sftp: SFTPWrapper, root: string): void {
  const session = new SftpSession(sftp, root);
  serveFiles(session);
  serveDirectories(session);
  servePaths(session);
  sftp.on('EXTENDED', (id) => sftp.status(id, STATUS_CODE.OP_UNSUPPORTED));
  sftp.on('close', () => session.closeAll());
}

class SftpSession {
  readonly sftp: SFTPWrapper;
  readonly root: string;
  readonly #open = new Map<number, Open>();
  #next = 0;

  constructor(sftp: SFTPWrapper, root: string) {
    this.sftp = sftp;
    this.root = root;
  }

  at(path: string): string {
    return join(this.root, normalize(`/${path}`));
  }

  handle(id: number, value: Open): void {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(this.#next);
    this.#open.set(this.#next, value);
    this.#next += 1;
    this.sftp.handle(id, handle);
  }

  opened(handle: Buffer): Open | undefined {
    return handle.length === 4 ? this.#open.get(handle.readUInt32BE()) : undefined;
  }

  file(handle: Buffer): fs.FileHandle {
    const found = this.opened(handle);
    if (!found || !('file' in found)) throw Object.assign(new Error('no such handle'), { code: 'EBADF' });
    return found.file;
  }

  async close(handle: Buffer): Promise<void> {
    const found = this.opened(handle);
    if (found && 'file' in found) await found.file.close();
    if (found) this.#open.delete(handle.readUInt32BE());
  }

  closeAll(): void {
    for (const found of this.#open.values()) if ('file' in found) void found.file.close().catch(() => {});
  }

  /** Runs the work, which answers; an error is answered with the fitting status. */
  answer(id: number, work: () => Promise<unknown>): void {
    work().catch((error: NodeJS.ErrnoException) => this.sftp.status(id, statusOf(error), error.message));
  }

  done(id: number, work: () => Promise<unknown>): void {
    this.answer(id, async () => {
      await work();
      this.sftp.status(id, STATUS_CODE.OK);
    });
  }

  name(id: number, filename: string): void {
    this.sftp.name(id, [{ filename, longname: filename, attrs: NO_ATTRIBUTES }]);
  }
}

function serveFiles(session: SftpSession): void {
  const { sftp } = session;
  sftp.on('OPEN', (id, path, flags, attrs) =>
    session.answer(id, async () => {
      const file = await fs.open(session.at(path), flagsToString(flags) ?? 'r', attrs.mode ?? 0o644);
      session.handle(id, { file });
    }),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    session.answer(id, async () => {
      const size = Math.min(length, READ_LIMIT);
      const { bytesRead, buffer } = await session.file(handle).read(Buffer.allocUnsafe(size), 0, size, offset);
      if (bytesRead === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, buffer.subarray(0, bytesRead));
    }),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    session.done(id, () => session.file(handle).write(data, 0, data.length, offset)),
  );
  sftp.on('FSTAT', (id, handle) =>
    session.answer(id, async () => sftp.attrs(id, attributes(await session.file(handle).stat()))),
  );
  sftp.on('FSETSTAT', (id, handle, attrs) =>
    session.done(id, async () => {
      if (attrs.mode !== undefined) await session.file(handle).chmod(attrs.mode & 0o7777);
    }),
  );
  sftp.on('CLOSE', (id, handle) => session.done(id, () => session.close(handle)));
}

function serveDirectories(session: SftpSession): void {
  const { sftp } = session;
  sftp.on('OPENDIR', (id, path) =>
    session.answer(id, async () => {
      session.handle(id, { names: await fs.readdir(session.at(path)), path: session.at(path) });
    }),
  );
  sftp.on('READDIR', (id, handle) =>
    session.answer(id, async () => {
      const found = session.opened(handle);
      const names = found && 'names' in found ? found.names.splice(0) : [];
      if (!found || !('names' in found) || names.length === 0) return sftp.status(id, STATUS_CODE.EOF);
      const entries = names.map(async (filename) => {
        const stats = await fs.lstat(join(found.path, filename)).catch(() => null);
        return { filename, longname: filename, attrs: stats ? attributes(stats) : NO_ATTRIBUTES };
      });
      return sftp.name(id, await Promise.all(entries));
    }),
  );
  sftp.on('MKDIR', (id, path, attrs) => session.done(id, () => fs.mkdir(session.at(path), attrs.mode ?? 0o755)));
  sftp.on('RMDIR', (id, path) => session.done(id, () => fs.rmdir(session.at(path))));
}

function servePaths(session: SftpSession): void {
  const { sftp, root } = session;
  const shown = (path: string): string => (path.startsWith(`${root}/`) ? path.slice(root.length) : path);
  sftp.on('STAT', (id, path) =>
    session.answer(id, async () => sftp.attrs(id, attributes(await fs.stat(session.at(path))))),
  );
  sftp.on('LSTAT', (id, path) =>
    session.answer(id, async () => sftp.attrs(id, attributes(await fs.lstat(session.at(path))))),
  );
  sftp.on('SETSTAT', (id, path, attrs) =>
    session.done(id, async () => {
      if (attrs.mode !== undefined) await fs.chmod(session.at(path), attrs.mode & 0o7777);
    }),
  );
  sftp.on('READLINK', (id, path) =>
    session.answer(id, async () => session.name(id, shown(await fs.readlink(session.at(path))))),
  );
  sftp.on('REALPATH', (id, path) => session.name(id, normalize(`/${path}/.`).replace(/(.)\/$/, '$1')));
  sftp.on('RENAME', (id, from, to) => session.done(id, () => fs.rename(session.at(from), session.at(to))));
  sftp.on('REMOVE', (id, path) => session.done(id, () => fs.unlink(session.at(path))));
  sftp.on('SYMLINK', (id, target, path) => session.done(id, () => fs.symlink(target, session.at(path))));
}

interface Stats {
  mode: number;
  uid: number;
  gid: number;
  size: number;
  atimeMs: number;
  mtimeMs: number;
}

function attributes({ mode, uid, gid, size, atimeMs, mtimeMs }: Stats): Attributes {
  return { mode, uid, gid, size, atime: Math.floor(atimeMs / 1000), mtime: Math.floor(mtimeMs / 1000) };
}

function statusOf(error: NodeJS.ErrnoException): number {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return STATUS_CODE.NO_SUCH_FILE;
  if (error.code === 'EACCES' || error.code === 'EPERM') return STATUS_CODE.PERMISSION_DENIED;
  return STATUS_CODE.FAILURE;
}
