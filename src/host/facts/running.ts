import { readTcp, socketOwners, type TcpRow } from '../proc/net.ts';
import { readProcesses, type Process } from '../proc/processes.ts';
import { unitOf } from '../proc/units.ts';
import type { Look } from './look.ts';
import { packageOf, units } from './shared.ts';

export const processes = (look: Look): Promise<ReadonlyMap<number, Process>> =>
  look.once(
    'processes',
    async () => new Map((await readProcesses(look.host)).map((process) => [process.pid, process] as const)),
  );

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
    const programs = new Set([...all.values()].flatMap((process) => process.exe ?? []));
    const brought = await packageOf(look, programs);
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
