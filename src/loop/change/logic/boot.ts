import type { Remediation } from '../../../model/kit.ts';
import { runsUntilBoot } from '../../../model/units.ts';
import type { PlannedHost } from './inputs.ts';
import { packagesOfItem, type Item } from './items.ts';

/** A package with a kernel in it; of those with its headers, tools or debug symbols nothing runs. */
const KERNEL =
  /^(?:linux-image-(?!.*-dbg)|kernel(?:-(?:core|default|rt|uek|lt|ml).*)?$|linux-(?:lts|virt|edge|rpi|stable)$)/;

/**
 * Is a boot the only thing that puts the new files in force? A remediation of reboots alone always is; one that can restart
 * services as well reboots only for a kernel, or for what runs from boot to boot (the first process, dbus, systemd's own).
 */
export function mustReboot(host: PlannedHost, item: Item, remediation: Remediation): boolean {
  if (remediation.steps.every((step) => step.kind === 'reboot')) return true;
  const names = packagesOfItem(item);
  if (names.some((name) => KERNEL.test(name))) return true;
  const lasting = (host.facts.processes ?? []).filter(runsUntilBoot);
  return lasting.some(
    ({ packages, replaced }) =>
      packages.some((name) => names.includes(name)) || replaced.some((file) => names.includes(file.package ?? '')),
  );
}
