import { mageiaKernelReleases } from '../../../../model/mageia-kernel.ts';
import { isFlavourOf } from '../../../../model/rpm-kernel.ts';
import { suseBaseOf, suseKernelRelease } from '../../../../model/suse-kernel.ts';
import { kernelOf } from '../kernels.ts';
import type { Installed } from './match.ts';

type Named = Pick<Installed, 'ecosystem' | 'name' | 'source' | 'sourceVersion' | 'version'>;

/** Kernels of rpm distributions by their flavour, and what is built beside them. SUSE's kernel-firmware is none. */
const FLAVOUR =
  '(?:64k|64k-debug|64kb|azure|debug|default|kvmsmall|longterm|lt|ml|pae|preempt|rt|rt-64k|rt-64k-debug|rt-debug|uek|vanilla)';
const RPM_SOURCE = new RegExp(`^kernel(?:-${FLAVOUR}(?:-base)?|-docs|-source(?:-\\w+)?|-syms(?:-\\w+)?)?$`);
/** Red Hat's family keeps the kernel itself in kernel-core; before, and elsewhere, it is in the package of that name. */
const RPM_IMAGE = new RegExp(`^kernel(?:-${FLAVOUR})?(?:-core)?$|^kernel-${FLAVOUR}-base$`);
const MAGEIA_SOURCE = /^kernel(?:-linus|-tmb)?$/;
const APK = /^linux-(?:edge|lts|rpi\d?|stable|virt)$/;
const ARCH = /^(?:aarch64|i[3-6]86|ppc64(?:le)?|riscv64|s390x|x86_64)(?:[+.][\w-]+)*$/;

const OF_RPM = new Set(['AlmaLinux', 'Azure Linux', 'Red Hat', 'Rocky Linux', 'SUSE', 'openEuler', 'openSUSE']);
const OF_APK = new Set(['Alpaquita', 'Alpine']);

/** The kernel that a package is of, by the name of that kernel's own source; null: it is of none. */
export function kernelWith({ ecosystem, source }: Pick<Named, 'ecosystem' | 'source'>): string | null {
  const family = ecosystem.split(':')[0]!;
  if (OF_RPM.has(family)) return RPM_SOURCE.test(source) ? source : null;
  if (OF_APK.has(family)) return APK.test(source) ? source : null;
  if (family === 'Mageia') return MAGEIA_SOURCE.test(source) ? source : null;
  return kernelOf({ ecosystem, source });
}

/** It holds a kernel, and not only what belongs to one: headers, modules, tools. */
export function isImage(one: Named): boolean {
  if (kernelWith(one) === null) return false;
  const family = one.ecosystem.split(':')[0]!;
  if (OF_RPM.has(family)) return RPM_IMAGE.test(one.name);
  if (family === 'Mageia') return mageiaKernelReleases(one) !== null;
  return OF_APK.has(family) ? APK.test(one.name) : one.name.startsWith('linux-image-');
}

/** The kernel that runs is the one in this image; `running`: as `uname -r` has it, null: nobody knows. */
export function isRunning(one: Named, running: string | null): boolean {
  if (running === null || !isImage(one)) return false;
  const family = one.ecosystem.split(':')[0]!;
  if (OF_APK.has(family))
    return running === `${one.version.replace(/-r(\d+)$/, '-$1')}-${one.name.slice('linux-'.length)}`;
  if (OF_RPM.has(family)) return runsRpm(one, running);
  if (family === 'Mageia') return mageiaKernelReleases(one)!.includes(running);
  // Unsigned ones are called so in front by Ubuntu, and behind by Debian.
  const names = [`linux-image-${running}`, `linux-image-unsigned-${running}`, `linux-image-${running}-unsigned`];
  return names.includes(one.name);
}

/** `5.14.0-427.13.1.el9_4.x86_64+rt`, without the architecture in Azure; SUSE: `5.14.21-150500.55.88-default` of …55.88.1. */
function runsRpm(one: Named, running: string): boolean {
  const { name, version } = one;
  const base = suseBaseOf(one);
  if (base !== null) return running === suseKernelRelease(base.version, base.flavour);
  const plain = version.replace(/^\d+:/, '');
  if (running === plain) return true;
  if (running.startsWith(`${plain}.`) && ARCH.test(running.slice(plain.length + 1)))
    return isFlavourOf(running, { name, version });
  return name.startsWith('kernel-') && running === suseKernelRelease(plain, name.slice('kernel-'.length));
}
