import type { ProcessFact } from '../../../model/facts.ts';

/** A process that runs replaced files which no package knows any more, and the packages that it used before. */
export interface Orphan {
  pid: number;
  startedAt: string;
  packages: readonly string[];
}

type Seen = Pick<ProcessFact, 'pid' | 'startedAt' | 'replaced' | 'packages'>;

const keyOf = (one: { pid: number; startedAt: string | null }): string => `${one.pid} ${one.startedAt ?? ''}`;
const used = (process: Seen): Set<string> =>
  new Set([...process.packages, ...process.replaced.flatMap((file) => file.package ?? [])]);
export const isOrphaned = (process: Pick<Seen, 'replaced'>): boolean =>
  process.replaced.some((file) => file.package === null);

/**
 * An update may take a file's very name away (`libdns-9.18.19.so` → `libdns-9.18.24.so`): then nobody can tell any more
 * whose file it is that a process still runs. But the process used the package before, does not now, and has a replaced
 * file that it did not have. That stands for as long as the process runs such a file.
 */
export function orphansOf(before: readonly Seen[], now: readonly Seen[], known: readonly Orphan[]): Orphan[] {
  const earlier = new Map(before.map((process) => [keyOf(process), process]));
  const noted = new Map(known.map((orphan) => [keyOf(orphan), orphan]));
  return now.filter(isOrphaned).flatMap((process): Orphan[] => {
    const last = earlier.get(keyOf(process));
    const packages = new Set([...(noted.get(keyOf(process))?.packages ?? []), ...(last ? lost(last, process) : [])]);
    if (packages.size === 0) return [];
    return [{ pid: process.pid, startedAt: process.startedAt ?? '', packages: [...packages].sort() }];
  });
}

function lost(last: Seen, process: Seen): string[] {
  const known = new Set(last.replaced.map((file) => file.path));
  const fresh = process.replaced.some((file) => file.package === null && !known.has(file.path));
  const still = used(process);
  return fresh ? [...used(last)].filter((name) => !still.has(name)) : [];
}
