import { readText, type Host } from '../host.ts';

const MOST_NAMED = 10;

interface Numbered {
  device: string | null;
  inode: string | null;
}

/** Does a process hold a lock (fcntl or flock) on one of these files? */
export async function someoneHolds(host: Host, paths: readonly string[]): Promise<boolean> {
  const files = (await Promise.all(paths.map((path) => host.stat(path)))).filter((file) => file !== null);
  return isAmongLocks(files, (await readText(host, '/proc/locks')) ?? '');
}

/** `1: POSIX  ADVISORY  WRITE 77 fd:00:1234 0 EOF`: device and inode of the file, in the sixth field. */
export function isAmongLocks(files: readonly Numbered[], locks: string): boolean {
  return locks.split('\n').some((line) => {
    const [, device, inode] = / (?:POSIX|FLOCK) .* ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line) ?? [];
    return device !== undefined && files.some((file) => file.inode === inode && mayBe(file.device, device));
  });
}

/**
 * Every file system counts its inodes from the start, so the device counts, too. One without a disk of its own (overlay,
 * btrfs, tmpfs: major number 0) may have two numbers, so there nothing is concluded.
 */
const mayBe = (a: string | null, b: string): boolean =>
  a === null || a === b || a.startsWith('00:') || b.startsWith('00:');

/** Is a package manager, whichever, at work? What it replaces may not fit together until it is done. */
export const packagesAreBusy = (host: Host): Promise<boolean> =>
  someoneHolds(host, [
    '/var/lib/dpkg/lock-frontend',
    '/var/lib/dpkg/lock',
    '/var/lib/rpm/.rpm.lock',
    '/usr/lib/sysimage/rpm/.rpm.lock',
    '/run/zypp.pid',
    '/lib/apk/db/lock',
    '/usr/lib/apk/db/lock',
    '/run/apk/db.lock',
  ]);

/** For an error: which packages are neither as before nor as wanted. */
export const leftHalfWay = (names: readonly string[]): string =>
  names.length > 0 ? `Left half-way: ${names.slice(0, MOST_NAMED).join(', ')}` : 'No package was left half-way';
