import { readDmi } from '../host/machine/dmi.ts';
import { readText, type Host } from '../host/host.ts';

/**
 * What tells the machine that an agent enrolled on from a copy of it. A copy made for a new machine has a new machine id,
 * one made by a hypervisor a new UUID from its firmware. Host keys, disks and network cards change on one machine, too,
 * or come along with a copy; they say nothing.
 */
export interface Machine {
  machineId: string | null;
  uuid: string | null;
}

export async function readMachine(host: Host): Promise<Machine> {
  const machineId = (await readText(host, '/etc/machine-id', 4096))?.trim() || null;
  return { machineId, uuid: (await readDmi(host).catch(() => null))?.uuid ?? null };
}

/** Another one after every start of the machine. */
export async function readBootId(host: Host): Promise<string | null> {
  return (await readText(host, '/proc/sys/kernel/random/boot_id', 4096))?.trim() || null;
}

/** Is the agent on another machine than it enrolled on? What is not known on one side says nothing. */
export function isAnother(before: Machine, now: Machine): boolean {
  const differ = (a: string | null, b: string | null, same: (a: string, b: string) => boolean): boolean =>
    a !== null && b !== null && !same(a, b);
  return differ(before.machineId, now.machineId, (a, b) => a === b) || differ(before.uuid, now.uuid, isSameUuid);
}

/** Firmware and kernels disagree about the byte order of the first three fields: an update may turn them round. */
function isSameUuid(a: string, b: string): boolean {
  return a === b || turned(a) === b;
}

function turned(uuid: string): string {
  const swap = (hex: string): string => hex.match(/../g)?.toReversed().join('') ?? hex;
  const [one = '', two = '', three = '', ...rest] = uuid.split('-');
  return [swap(one), swap(two), swap(three), ...rest].join('-');
}
