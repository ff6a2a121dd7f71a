import type { ComponentFact } from '../../model/facts.ts';
import type { MappedFile } from '../proc/maps.ts';
import type { Process } from '../proc/processes.ts';
import type { Disk } from './bounds.ts';

/** A process as an inventory sees it. */
export interface Program {
  process: Process;
  argv: readonly string[];
  cwd: string;
  /** home directory of its user */
  home: string | null;
  disk: Disk;
  /** The answer of an earlier look while `stamp` is the same. Null, and what was cut short by the bounds, is not kept. */
  kept<T>(key: string, stamp: string, work: () => Promise<T>): Promise<T>;
}

export type Component = Omit<ComponentFact, 'usedBy' | 'container'>;

/** One kind of program. Says whether a process is of it, and which libraries it brings along. */
export interface Inventory {
  readonly ecosystem: ComponentFact['ecosystem'];
  runs(program: Program): boolean;
  collect(program: Program): Promise<Component[]>;
}

/**
 * A process runs what its program is, or what it maps. The list of mapped files is the same object from look to look while the
 * process mapped nothing else: what was found in it is kept with it.
 */
export function runsOf(program: RegExp, library: RegExp): Inventory['runs'] {
  const known = new WeakMap<readonly MappedFile[], boolean>();
  const maps = (files: readonly MappedFile[]): boolean => {
    const found = known.get(files) ?? files.some((file) => library.test(file.path));
    known.set(files, found);
    return found;
  };
  return ({ process }) => program.test(process.exe ?? '') || maps(process.maps);
}
