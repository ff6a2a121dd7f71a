import type { Facts, KernelFacts, ProcessFact } from './facts.ts';
import { isAgentUnit, mayRestart, runsUntilBoot } from './units.ts';

/**
 * What ends it that something old runs: a restart of its unit, which a step can do; our agent, which starts anew by itself
 * between two tasks; a boot; or a person, where it has no unit or one that no plan restarts.
 */
export type Needed = 'agent' | 'boot' | 'person' | 'restart';
/** What a change can wait for: the rest is not ended by any of its steps. */
export const ENDS_BY_ITSELF: readonly Needed[] = ['agent', 'restart'];

/** What was installed and does not run yet. */
export interface OutOfForce {
  processes: readonly (ProcessFact & { needs: Needed })[];
  kernel: { running: string; installed: string } | null;
  /** alphabetical, each once; none: all that was installed runs */
  needs: readonly Needed[];
}

/** Files of the system: what somebody builds anew in /opt, /srv or /usr/local is no update of a package. */
const OF_THE_SYSTEM = /^\/(?:usr\/(?!local\/)|s?bin\/|lib)/;
/** Of systemd, or an init script's name. */
const NAMES_A_SERVICE = /^(?!.*\.(?:scope|slice|socket|mount|timer|target|path)$)/;
/** Its program, or the shell that keeps it running. */
const AGENT = /(?:^|\/)lastember-agent(?:\.cjs)?(?: |$)|^(?:\S*\/)?sh -c \s*pidfile=\$1.*LASTEMBER_SUPERVISOR/s;

/** The old file of a package, or of nobody's by now: an update may have taken its very name away. */
export const isUpdated = (file: ProcessFact['replaced'][number]): boolean =>
  file.package !== null || OF_THE_SYSTEM.test(file.path);

export function outOfForce({ processes = [], kernel }: Pick<Partial<Facts>, 'processes' | 'kernel'>): OutOfForce {
  const old = processes
    .map((process) => ({ ...process, replaced: process.replaced.filter(isUpdated) }))
    .filter(({ replaced }) => replaced.length > 0)
    .map((process) => ({ ...process, needs: neededBy(process) }));
  const waits = kernel ? kernelThatWaits(kernel) : null;
  const needs = new Set<Needed>([...old.map((process) => process.needs), ...(waits ? (['boot'] as const) : [])]);
  return { processes: old, kernel: waits, needs: [...needs].sort() };
}

function neededBy(process: ProcessFact): Needed {
  const { unit, user, command } = process;
  if (unit === null ? user === 'root' && AGENT.test(command) : isAgentUnit(unit)) return 'agent';
  if (runsUntilBoot(process)) return 'boot';
  return unit !== null && NAMES_A_SERVICE.test(unit) && mayRestart(unit) ? 'restart' : 'person';
}

/** Units that a restart renews, alphabetical. */
export const unitsToRestart = ({ processes }: OutOfForce): string[] =>
  [...new Set(processes.flatMap(({ needs, unit }) => (needs === 'restart' && unit !== null ? [unit] : [])))].sort();

/** What the boot loader follows counts where it is known; a release that was built anew is another kernel. */
function kernelThatWaits({ release, version, installed, newest, boots }: KernelFacts): OutOfForce['kernel'] {
  const next = boots ?? newest;
  if (newest === null || next === null) return null;
  if (next !== release) return { running: release, installed: next };
  const same = installed.find((one) => one.release === release && one.version !== null);
  if (version === null || !same || same.version === version) return null;
  return { running: `${release} (${version})`, installed: `${release} (${same.version})` };
}

const MOST_NAMED = 10;

/** In words, with PIDs and units. */
export function sayOutOfForce({ processes, kernel }: OutOfForce): string {
  const of = (needs: Needed): string => listed(processes.filter((process) => process.needs === needs));
  const parts = [
    said(of('restart'), (names) => `${names} still run what was replaced: restart`),
    said(of('agent'), (names) => `${names} is our agent, which starts anew by itself`),
    said(of('boot'), (names) => `${names} run what was replaced until the next boot (kit kernel)`),
    said(of('person'), (names) => `${names} still run what was replaced, and no step restarts them: end them, or boot`),
    kernel ? `kernel ${kernel.running} runs, ${kernel.installed} is installed: boot (kit kernel)` : null,
  ];
  return `installed, but ${parts.filter((part) => part !== null).join('; ')}`;
}

const said = (names: string, sentence: (names: string) => string): string | null =>
  names === '' ? null : sentence(names);

function listed(processes: readonly ProcessFact[]): string {
  const names = processes.map(({ pid, unit, command }) => `PID ${pid} (${unit ?? command.split(' ')[0]})`);
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
