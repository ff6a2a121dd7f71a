import type { Stat } from '../host.ts';

/** One file that a process maps, however many ranges it has. */
export interface MappedFile {
  path: string;
  deleted: boolean;
  device: string;
  inode: string;
  executable: boolean;
}

/**
 * Names that are no files of a package: shared memory, anonymous files, scratch directories. The kernel marks them
 * "(deleted)" as well, so they would look like replaced libraries.
 */
const NO_FILE = /^\/(?:dev\/|memfd:|SYSV|tmp\/|var\/tmp\/|run\/|var\/run\/|proc\/|sys\/|anon_hugepage|drm |i915|\[)/;
const LINE = /^[0-9a-f]+-[0-9a-f]+ (\S{4}) [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+)\s+(\/.*)$/;
const DELETED = ' (deleted)';

export function isScratch(path: string): boolean {
  return NO_FILE.test(path);
}

export function withoutDeleted(path: string): { path: string; deleted: boolean } {
  return path.endsWith(DELETED) ? { path: path.slice(0, -DELETED.length), deleted: true } : { path, deleted: false };
}

/**
 * Is what lies at its place on the disk another file than the one that is mapped? The kernel says "(deleted)" when the name
 * it knew is gone. The disk has the last word: the same inode at the same place is the same file, whatever the name said;
 * another inode on the same device is another file. Devices that differ (overlay file systems show two) prove nothing
 * either way.
 */
export function isAnother(disk: Stat | null, file: MappedFile): boolean {
  if (disk?.device === file.device && disk.inode !== null) return disk.inode !== file.inode;
  return file.deleted;
}

/** Files of /proc/PID/maps. `shown` takes a path as the kernel says it to how the host names it. */
export function parseMaps(text: string, shown: (path: string) => string): MappedFile[] {
  const files = new Map<string, MappedFile>();
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (!match) continue;
    const [, flags, device, inode, raw] = match as unknown as [string, string, string, string, string];
    const { path, deleted } = withoutDeleted(shown(raw.replaceAll(String.raw`\012`, '\n')));
    if (inode === '0' || isScratch(path)) continue;
    const key = `${path} ${device} ${inode}`;
    const known = files.get(key) ?? { path, deleted, device, inode, executable: false };
    known.executable ||= flags[2] === 'x';
    known.deleted ||= deleted;
    files.set(key, known);
  }
  return [...files.values()];
}
