import type { ProcessFact } from '../../model/facts.ts';
import { isAnother, type MappedFile } from '../proc/maps.ts';
import type { Process } from '../proc/processes.ts';
import { by, each, type FactSection, type Look } from './look.ts';
import { onDisk, ownFiles, packagesInUse, processes as running, unitsOfProcesses } from './running.ts';
import { earlierOwners, users } from './shared.ts';

/** What runs, and which files it still uses although they were replaced on disk. */
export const processes: FactSection<'processes'> = {
  name: 'processes',
  version: 2,
  async collect(look) {
    const all = await running(look);
    const unit = await unitsOfProcesses(look);
    const names = new Map((await users(look)).map((user) => [user.uid, user.name]));
    const brought = await packagesInUse(look);
    const earlier = await earlierOwners(look);
    await each(
      [...new Set([...all.values()].flatMap((process) => pathsOf(process)))],
      (path) => onDisk(look, path),
      1024,
    );
    for (const path of earlier.keys()) if (!brought.has(path)) earlier.delete(path);
    const facts = await each([...all.values()], async (process): Promise<ProcessFact> => {
      const packageName = (path: string): string | null => (process.foreign ? null : (brought.get(path) ?? null));
      const replaced = await replacedFiles(look, process);
      const old = new Set(replaced);
      const current = ownFiles(process).filter((path) => !old.has(path));
      return {
        pid: process.pid,
        ppid: process.ppid,
        user: names.get(process.uid) ?? String(process.uid),
        command: process.command || process.name,
        exe: process.exe,
        unit: unit.get(process.pid) ?? null,
        startedAt: process.startedAt,
        replaced: replaced.map((path) => ({
          path,
          package: packageName(path) ?? (process.foreign ? null : (earlier.get(path) ?? null)),
        })),
        packages: [...new Set(current.flatMap((path) => packageName(path) ?? []))].sort(),
      };
    });
    return facts.sort(by((fact) => fact.pid));
  },
};

const pathOf = (process: Process, file: MappedFile): string =>
  process.foreign ? `/proc/${process.pid}/root${file.path}` : file.path;

const pathsOf = (process: Process): string[] =>
  process.maps.filter((file) => file.executable).map((file) => pathOf(process, file));

async function replacedFiles(look: Look, process: Process): Promise<string[]> {
  const found = new Set<string>();
  if (process.exe !== null && process.exeDeleted) found.add(process.exe);
  for (const file of process.maps) {
    if (file.executable && (await isReplaced(look, process, file))) found.add(file.path);
  }
  return [...found].sort();
}

async function isReplaced(look: Look, process: Process, file: MappedFile): Promise<boolean> {
  return isAnother(await onDisk(look, pathOf(process, file)), file);
}
