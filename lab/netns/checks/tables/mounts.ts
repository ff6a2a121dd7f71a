import type { Group, Trial } from '../spec.ts';

/** Directory → what it is mounted with at least. A directory is before those in it. */
const PLACES: Readonly<Record<string, string>> = {
  tmp: 'nodev,noexec,nosuid',
  home: 'nodev,nosuid',
  var: 'nodev,nosuid',
  'var-tmp': 'nodev,noexec,nosuid',
  'var-log': 'nodev,noexec,nosuid',
  'var-log-audit': 'nodev,noexec,nosuid',
};
const pathOf = (place: string): string => `/${place.replaceAll('-', '/')}`;

/** Debian puts all on one file system. A mount of the directory on itself is one of its own to whoever looks. */
export const MOUNTS: Group = {
  title: 'file systems',
  machine: true,
  trials: Object.keys(PLACES).map((place) => ({
    check: `linux-baseline/mount-${place}`,
    bad: `mkdir -p ${pathOf(place)}`,
    byHand: `mount --bind ${pathOf(place)} ${pathOf(place)}`,
  })),
};

const options = (place: string, path: string, wanted: string): Trial => ({
  check: `linux-baseline/mount-${place}-options`,
  bad: `mount -o remount,bind,dev,exec,suid ${path}`,
  byHand: `mount -o remount,bind,${wanted} ${path}`,
});

/** After `MOUNTS`: only what is mounted has options. */
export const MOUNT_OPTIONS: Group = {
  title: 'options of file systems',
  machine: true,
  trials: [
    options('dev-shm', '/dev/shm', 'nodev,noexec,nosuid'),
    ...Object.entries(PLACES).map(([place, wanted]) => options(place, pathOf(place), wanted)),
  ],
};
