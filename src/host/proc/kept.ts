import { each } from '../facts/look.ts';
import type { Stat } from '../host.ts';
import type { MappedFile } from './maps.ts';

/** The mapped files of one process, while its stamp holds. */
interface Mapped {
  stamp: string;
  files: MappedFile[];
  /** before each of its paths: where its file tree is, as we see it */
  root: string;
}

/** What is dear to read of processes and nearly always the same, from look to look; by pid. */
export interface Kept {
  mapped: Map<number, Mapped>;
  /** `hash`: of the command line */
  called: Map<number, { stamp: string; hash: string }>;
  /** command lines as they are told, by the hash of what they are: looking for secrets in them is dear */
  told: Map<string, string>;
  /** what lay at the place of each executed file before it was last read who maps it */
  disk: Map<string, string>;
}

export const nothingKept = (): Kept => ({ mapped: new Map(), called: new Map(), told: new Map(), disk: new Map() });

export interface Stamps {
  mapped: string;
  called: string;
}

/**
 * While the first is the same, a process has mapped nothing since: it is the same one, no larger or smaller, and no page
 * was asked for, as the first word of a file that it maps would be. While the second is, it did not run at all, so its words
 * are the same. Null: the kernel does not say.
 */
export function stampsOf(stat: string, status: string): Stamps | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [minor, major, user, system, started, size] = [7, 9, 11, 12, 19, 20].map((index) => fields[index]);
  const switches = status.match(/^(?:non)?voluntary_ctxt_switches:\s*\d+/gm);
  if (size === undefined || switches?.length !== 2) return null;
  const mapped = `${started} ${size} ${minor} ${major}`;
  return { mapped, called: `${mapped} ${user} ${system} ${switches.join(' ')}` };
}

const executed = ({ files, root }: Mapped): string[] =>
  files.filter((file) => file.executable).map((file) => root + file.path);

/**
 * Forgets processes that execute from a file at whose place another lies now: that the file is deleted, the kernel says only
 * where it is asked what they map, though nothing happened to them.
 */
export async function forgetReplaced(stat: (path: string) => Promise<Stat | null>, kept: Kept): Promise<void> {
  const paths = new Set([...kept.mapped.values()].flatMap(executed));
  const disk = new Map<string, string>();
  await each(
    [...paths],
    async (path) => {
      const found = await stat(path);
      disk.set(path, found === null ? 'nothing' : `${found.device} ${found.inode}`);
    },
    1024,
  );
  for (const [pid, mapped] of kept.mapped)
    if (executed(mapped).some((path) => disk.get(path) !== kept.disk.get(path))) kept.mapped.delete(pid);
  kept.disk = disk;
}
