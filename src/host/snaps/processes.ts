import type { Process } from '../proc/processes.ts';

/** What a process runs from; `revision` null: a program of its base, as scripts do. */
export interface SnapInUse {
  name: string;
  revision: string | null;
}

/** Where snaps are mounted: some distributions have no /snap of their own. */
export const MOUNTS = ['/snap', '/var/lib/snapd/snap'] as const;
const PLACE = /^(?:\/var\/lib\/snapd)?\/snap\/([a-z0-9_-]+)\/(x?\d+)\//;
const UNIT = /^snap\.([a-z0-9_-]+)\./;

/**
 * The unit says of which instance, which the path within the snap's own tree does not. Without a unit only the program
 * counts: whoever maps a file of a snap does not run it.
 */
export function snapOf(process: Pick<Process, 'exe' | 'cgroupUnit' | 'maps'>): SnapInUse | null {
  const instance = UNIT.exec(process.cgroupUnit ?? '')?.[1];
  const own = PLACE.exec(process.exe ?? '');
  if (instance === undefined) return own && { name: own[1]!, revision: own[2]! };
  const plain = instance.split('_')[0]!;
  const paths = [process.exe ?? '', ...process.maps.flatMap(({ executable, path }) => (executable ? [path] : []))];
  const place = paths.map((path) => PLACE.exec(path)).find((found) => found && [instance, plain].includes(found[1]!));
  return { name: instance, revision: place?.[2] ?? null };
}
