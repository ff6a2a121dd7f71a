import * as fs from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { SFTPWrapper } from 'ssh2';

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;
const id = (handle: Buffer): number => handle.readUInt32BE(0);

function attributes(stats: fs.Stats): ssh2.Attributes {
  return {
    mode: stats.mode,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    atime: Math.floor(stats.atimeMs / 1000),
    mtime: Math.floor(stats.mtimeMs / 1000),
  };
}

function guard(sftp: SFTPWrapper, request: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    const missing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    sftp.status(request, missing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE, (error as Error).message);
  }
}

function done(sftp: SFTPWrapper, request: number, work: () => void): void {
  guard(sftp, request, () => {
    work();
    sftp.status(request, STATUS_CODE.OK);
  });
}

/** SFTP version 3 over a directory: the part of it that a client of ours uses. For tests only. */
export function serveFiles(root: string, sftp: SFTPWrapper, isSilent = (_path: string): boolean => false): void {
  const at = (path: string): string => join(root, path);
  const open = new Map<number, number>();
  servePaths(sftp, at);
  serveDirectories(sftp, at);
  sftp.on('OPEN', (request, path, flags, attrs) =>
    guard(sftp, request, () => {
      if (isSilent(path)) return;
      const mode = flags & OPEN_MODE.WRITE ? (flags & OPEN_MODE.EXCL ? 'wx' : 'w') : 'r';
      const descriptor = fs.openSync(at(path), mode, attrs.mode ?? 0o644);
      const handle = Buffer.alloc(4);
      handle.writeUInt32BE(descriptor);
      open.set(descriptor, descriptor);
      sftp.handle(request, handle);
    }),
  );
  sftp.on('READ', (request, handle, offset, length) =>
    guard(sftp, request, () => {
      const buffer = Buffer.alloc(length);
      const count = fs.readSync(id(handle), buffer, 0, length, offset);
      if (count === 0) sftp.status(request, STATUS_CODE.EOF);
      else sftp.data(request, buffer.subarray(0, count));
    }),
  );
  sftp.on('WRITE', (request, handle, offset, data) =>
    done(sftp, request, () => fs.writeSync(id(handle), data, 0, data.length, offset)),
  );
  sftp.on('FSTAT', (request, handle) =>
    guard(sftp, request, () => sftp.attrs(request, attributes(fs.fstatSync(id(handle))))),
  );
  sftp.on('CLOSE', (request, handle) =>
    done(sftp, request, () => {
      if (open.delete(id(handle))) fs.closeSync(id(handle));
    }),
  );
}

function serveDirectories(sftp: SFTPWrapper, at: (path: string) => string): void {
  const listed = new Map<number, string[]>();
  // Far above any file descriptor, so that a handle is one or the other.
  let next = 1_000_000;
  sftp.on('OPENDIR', (request, path) =>
    guard(sftp, request, () => {
      next += 1;
      const handle = Buffer.alloc(4);
      handle.writeUInt32BE(next);
      listed.set(next, fs.readdirSync(at(path)));
      sftp.handle(request, handle);
    }),
  );
  sftp.on('READDIR', (request, handle) => {
    const names = listed.get(id(handle)) ?? [];
    listed.set(id(handle), []);
    const entries = names.map((filename) => ({ filename, longname: filename, attrs: {} as ssh2.Attributes }));
    if (names.length === 0) sftp.status(request, STATUS_CODE.EOF);
    else sftp.name(request, entries);
  });
}

function servePaths(sftp: SFTPWrapper, at: (path: string) => string): void {
  const name = (request: number, filename: string): void =>
    sftp.name(request, [{ filename, longname: filename, attrs: {} as ssh2.Attributes }]);
  sftp.on('STAT', (request, path) =>
    guard(sftp, request, () => sftp.attrs(request, attributes(fs.statSync(at(path))))),
  );
  sftp.on('LSTAT', (request, path) =>
    guard(sftp, request, () => sftp.attrs(request, attributes(fs.lstatSync(at(path))))),
  );
  sftp.on('SETSTAT', (request, path, attrs) =>
    done(sftp, request, () => {
      if (attrs.mode !== undefined) fs.chmodSync(at(path), attrs.mode);
    }),
  );
  sftp.on('READLINK', (request, path) => guard(sftp, request, () => name(request, fs.readlinkSync(at(path)))));
  sftp.on('REALPATH', (request, path) => name(request, path));
  sftp.on('RENAME', (request, from, to) => done(sftp, request, () => fs.renameSync(at(from), at(to))));
  sftp.on('REMOVE', (request, path) => done(sftp, request, () => fs.unlinkSync(at(path))));
  sftp.on('MKDIR', (request, path, attrs) => done(sftp, request, () => fs.mkdirSync(at(path), attrs.mode ?? 0o755)));
}
