import type { Unit } from '../services/systemd.ts';
import type { Process } from './processes.ts';

/** The unit that runs a process: it or an ancestor is a unit's main process; else its control group names a known unit. */
export function unitOf(
  process: Process,
  processes: ReadonlyMap<number, Process>,
  units: ReadonlyMap<string, Unit>,
): string | null {
  const byPid = new Map(
    [...units.values()].flatMap((unit) => (unit.mainPid === null ? [] : [[unit.mainPid, unit.name]])),
  );
  const seen = new Set<number>();
  for (let at: Process | undefined = process; at && !seen.has(at.pid); at = processes.get(at.ppid)) {
    const unit = byPid.get(at.pid);
    if (unit !== undefined) return unit as string;
    seen.add(at.pid);
  }
  return process.cgroupUnit !== null && units.has(process.cgroupUnit) ? process.cgroupUnit : null;
}
