import type { ComponentFact } from '../../model/facts.ts';
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

export const runsOf =
  (program: RegExp, library: RegExp) =>
  ({ process }: Program): boolean =>
    program.test(process.exe ?? '') || process.maps.some((file) => library.test(file.path));
