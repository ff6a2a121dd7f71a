import { deviceName } from '../device.ts';
import type { Stat } from '../host.ts';

const TYPE_MASK = 0o170000;
const KINDS: Readonly<Record<number, Stat['kind']>> = { 0o100000: 'file', 0o040000: 'directory', 0o120000: 'link' };

/** What stat(2) said, with numbers as text; times in whole seconds. */
export interface StatFields {
  mode: number;
  uid: string | undefined;
  gid: string | undefined;
  size: string | undefined;
  mtime: string | undefined;
  ctime: string | undefined;
  device: bigint;
  inode: string;
}

export const statOf = ({ mode, uid, gid, size, mtime, ctime, device, inode }: StatFields): Stat => ({
  kind: KINDS[mode & TYPE_MASK] ?? 'other',
  mode: mode & 0o7777,
  uid: Number(uid),
  gid: Number(gid),
  size: Number(size),
  mtime: Number(mtime) * 1000,
  ctime: Number(ctime) * 1000,
  device: deviceName(device),
  inode,
});
