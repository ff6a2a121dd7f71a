import { readText, type Host } from '../host.ts';

const MOST_NAMED = 10;

/** Does a process hold a lock (fcntl or flock) on one of these files? */
export async function someoneHolds(host: Host, paths: readonly string[]): Promise<boolean> {
  const files = await Promise.all(paths.map((path) => host.stat(path)));
  const inodes = files.flatMap((file) => file?.inode ?? []);
  const locks = ((await readText(host, '/proc/locks')) ?? '')
    .split('\n')
    .filter((line) => / (?:POSIX|FLOCK) /.test(line));
  return locks.some((line) => inodes.some((inode) => line.includes(`:${inode} `)));
}

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
