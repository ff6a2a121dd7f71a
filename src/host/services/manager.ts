import type { OsFacts } from '../../model/facts.ts';
import type { Host } from '../host.ts';
import { readOpenrc } from './openrc.ts';
import { programsOf } from './programs.ts';
import { parseUnits, showServices, type Unit } from './systemd.ts';
import { readInitScripts } from './sysv.ts';

export interface Services {
  manager: Exclude<OsFacts['serviceManager'], 'none'>;
  units: Map<string, Unit>;
}

/** Services of whichever manager there is; null: none, or systemd runs and did not answer. `shown`: what it said already. */
export async function readServices(host: Host, shown?: string | null): Promise<Services | null> {
  const text = shown === undefined ? await showServices(host) : shown;
  if (text !== null) return { manager: 'systemd', units: parseUnits(text) };
  // It runs here: its init scripts would tell the least of it, and nobody could see that the rest is missing.
  if ((await host.stat('/run/systemd/system')) !== null) return null;
  const programs = programsOf(host);
  const openrc = await readOpenrc(host, programs);
  if (openrc !== null) return { manager: 'openrc', units: openrc };
  const scripts = await readInitScripts(host, programs);
  return scripts === null ? null : { manager: 'sysv', units: scripts };
}
