import { readText, type Stat } from '../host.ts';
import { forgetReplaced, nothingKept } from '../proc/kept.ts';
import { readTcp, socketOwners, type TcpRow } from '../proc/net.ts';
import { readProcesses, type Process } from '../proc/processes.ts';
import { unitOf } from '../proc/units.ts';
import type { Look } from './look.ts';
import { packageOf, units } from './shared.ts';

export const processes = (look: Look): Promise<ReadonlyMap<number, Process>> =>
  look.once('processes', async () => {
    // Numbers of processes, and their clocks, begin anew at each boot.
    const boot = await readText(look.host, '/proc/sys/kernel/random/boot_id', 4096).catch(() => null);
    const kept = await look.kept('processes', boot ?? '', async () => nothingKept());
    await forgetReplaced((path) => onDisk(look, path), kept);
    return new Map((await readProcesses(look.host, kept)).map((process) => [process.pid, process] as const));
  });

/** What lies at a path now, for who maps the file of that name; null also where nobody can say. */
export const onDisk = (look: Look, path: string): Promise<Stat | null> =>
  look.once(`stat ${path}`, () => look.host.stat(path).catch(() => null));

/** Its program and what it executes from; data files that it maps say nothing about what it runs. */
export function ownFiles(process: Process): string[] {
  const mapped = process.maps.filter((file) => file.executable).map((file) => file.path);
  return [...new Set(process.exe === null ? mapped : [process.exe, ...mapped])];
}

/** Packages of all that runs in this host's own file tree, asked for at once: each question reads all file lists. */
export const packagesInUse = (look: Look): Promise<ReadonlyMap<string, string | null>> =>
  look.once('packages-in-use', async () => {
    const own = [...(await processes(look)).values()].filter((process) => !process.foreign);
    const paths = new Set(own.flatMap(ownFiles));
    const known = await packageOf(look, paths);
    return new Map([...paths].map((path) => [path, known.get(path) ?? null]));
  });

/** Its unit, and where it has none its program: pids change with every restart. */
export const userOf = async (look: Look, process: Process): Promise<string> =>
  (await unitsOfProcesses(look)).get(process.pid) ?? process.exe ?? process.name;

/** pid → unit, for all processes. */
export const unitsOfProcesses = (look: Look): Promise<ReadonlyMap<number, string | null>> =>
  look.once('units-of-processes', async () => {
    const all = await processes(look);
    const known = (await units(look)) ?? new Map();
    return new Map([...all.values()].map((process) => [process.pid, unitOf(process, all, known)] as const));
  });

export interface OwnedRow extends TcpRow {
  pid: number | null;
  process: string | null;
  unit: string | null;
  package: string | null;
}

/** TCP sockets with whose they are. */
export const tcp = (look: Look): Promise<OwnedRow[]> =>
  look.once('tcp', async () => {
    const all = await processes(look);
    const unit = await unitsOfProcesses(look);
    const rows = await readTcp(look.host);
    const owners = await socketOwners(look.host, [...all.keys()]);
    const brought = await packagesInUse(look);
    return rows.map((row) => {
      const pid = owners.get(row.inode) ?? null;
      const owner = pid === null ? undefined : all.get(pid);
      return {
        ...row,
        pid,
        process: owner?.name ?? null,
        unit: pid === null ? null : (unit.get(pid) ?? null),
        package: owner?.exe && !owner.foreign ? (brought.get(owner.exe) ?? null) : null,
      };
    });
  });
