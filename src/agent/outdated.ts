import { isSea } from 'node:sea';
import type { Host } from '../host/host.ts';
import { readText } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { packagesAreBusy } from '../host/packages/half-way.ts';
import { isAnother, parseMaps, withoutDeleted } from '../host/proc/maps.ts';

const MAPS_LIMIT = 32 * 1024 * 1024;
/** Paths of our own tree, wherever the host's is mounted. */
const OURS = localHost();

/** Does the process run what was replaced on the disk? What cannot be looked at is not. */
export async function runsOldFiles(pid: number): Promise<boolean> {
  const text = await readText(OURS, `/proc/${pid}/maps`, MAPS_LIMIT).catch(() => null);
  const files = parseMaps(text ?? '', (path) => path).filter((file) => file.executable);
  const program = withoutDeleted((await OURS.readlink(`/proc/${pid}/exe`).catch(() => null)) ?? '').path;
  for (const file of files) {
    // The one file is ours: whoever replaces it starts us anew.
    if (isSea() && file.path === program) continue;
    if (isAnother(await OURS.stat(file.path).catch(() => null), file)) return true;
  }
  return false;
}

export interface Freshness {
  /** whoever starts us again, and did not run replaced files when we began; null: nobody who could begin anew */
  readonly shell: number | null;
  /** How to end, where what we run was replaced since we began and nobody is still at it; null: no need to. */
  left(): Promise<'again' | 'with-supervisor' | null>;
}

/** One that is old already when the agent begins stays so: asking it again and again would help nobody. */
export const freshShell = async (supervisor: number | null): Promise<number | null> =>
  supervisor !== null && !(await runsOldFiles(supervisor)) ? supervisor : null;

/**
 * Libraries that the agent itself maps are replaced by the updates that it installs, and no step restarts it. It does so
 * itself. What was old already when it began stays old: starting again and again would help nobody.
 */
export async function freshness(host: Host, shell: number | null): Promise<Freshness> {
  const self = await runsOldFiles(process.pid);
  return {
    shell,
    left: async () => {
      const both = shell !== null && (await runsOldFiles(shell));
      if (!both && (self || !(await runsOldFiles(process.pid)))) return null;
      if (await packagesAreBusy(host).catch(() => true)) return null;
      return both ? 'with-supervisor' : 'again';
    },
  };
}
