import type { AppArmorFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';

const ENABLED = '/sys/module/apparmor/parameters/enabled';
const PROFILES = '/sys/kernel/security/apparmor/profiles';
const LIMIT = 1024 * 1024;

/** Whether the kernel has AppArmor on, and how many profiles hold. Only root may read the list. */
export async function appArmor(host: Host): Promise<AppArmorFacts> {
  const enabled = (await readText(host, ENABLED, 64).catch(() => null))?.trim() === 'Y';
  const list = enabled ? await readText(host, PROFILES, LIMIT).catch(() => null) : null;
  return { enabled, ...countProfiles(list) };
}

/** A line is `/usr/sbin/cupsd (enforce)`; null: the list could not be read. */
export function countProfiles(list: string | null): Pick<AppArmorFacts, 'enforced' | 'complaining'> {
  if (list === null) return { enforced: null, complaining: null };
  const modes = list.split('\n').map((line) => /\(([a-z]+)\)\s*$/.exec(line)?.[1]);
  const count = (...names: string[]): number =>
    modes.filter((mode) => mode !== undefined && names.includes(mode)).length;
  return { enforced: count('enforce', 'kill', 'prompt'), complaining: count('complain', 'unconfined') };
}
