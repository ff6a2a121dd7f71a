import { accessSync, constants, existsSync } from 'node:fs';
import { onPath } from '../place.ts';

export const QEMU = 'qemu-system-x86_64';
const TAP = '/dev/net/tun';

/** Why there can be no host with a kernel of its own on this machine; null when there can. */
export function whyNoMachine(env: NodeJS.ProcessEnv): string | null {
  if (process.arch !== 'x64')
    return `Hosts with a kernel of their own are x86 machines, and this one is ${process.arch}.`;
  if (!onPath(QEMU, env['PATH'] ?? ''))
    return `Hosts with a kernel of their own need ${QEMU}, not found on PATH. On Debian: apt-get install --no-install-recommends qemu-system-x86`;
  if (!usable(TAP)) return `Hosts with a kernel of their own need ${TAP}, which cannot be opened here: modprobe tun`;
  return null;
}

/**
 * Whether the processor runs them itself; where it does not, QEMU plays one, which takes several times as long. Other
 * modules than these (pvm, say) make a /dev/kvm as well, which runs no system that does not know of it.
 */
export const hasKvm = (env: NodeJS.ProcessEnv): boolean =>
  env['LASTEMBER_LAB_EMULATE'] !== '1' &&
  usable('/dev/kvm') &&
  ['kvm_intel', 'kvm_amd'].some((name) => existsSync(`/sys/module/${name}`));

function usable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
