import type { InstalledKernel, PackageFact } from '../../model/facts.ts';
import { mageiaKernelReleases } from '../../model/mageia-kernel.ts';
import { rpmKernelRelease } from '../../model/rpm-kernel.ts';
import { suseBaseOf, suseKernelRelease } from '../../model/suse-kernel.ts';
import { readText, type Host } from '../host.ts';

const SUSE = /^(?:open)?SUSE\b/;
const SUSE_IMAGE = /^kernel-(64kb|azure|debug|default|desktop|kvmsmall|lpae|pae|preempt|rt|rt_debug|vanilla|xen)$/;
const RPM_IMAGE = /^kernel(?:-uek|(?:-(?:rt|64k|debug))*)-core$|^kernel-(?:uek|lt|ml)$|^kernel$/;

/** Packages that hold a kernel, by ecosystem: the release it calls itself, or null for all others. */
function releaseOf(fact: PackageFact): string | null {
  const { ecosystem, name, version, arch, status } = fact;
  if (status !== 'installed') return null;
  if (SUSE.test(ecosystem)) return suseRelease(fact);
  if (ecosystem.startsWith('Mageia')) return mageiaKernelReleases(fact)?.[0] ?? null;
  const deb = /^linux-image-(?:unsigned-)?(\d.*?)(?:-unsigned)?$/.exec(name);
  if (deb) return /-dbg(?:sym)?$/.test(name) ? null : deb[1]!;
  // `kernel` of Red Hat's family only draws in kernel-core, which has the same version.
  if (RPM_IMAGE.test(name)) return rpmKernelRelease({ name, version, arch });
  const alpine = ecosystem.startsWith('Alpine') ? /^linux-(lts|virt|edge|rpi|stable)$/.exec(name) : null;
  return alpine ? `${version.replace(/-r(\d+)$/, '-$1')}-${alpine[1]!}` : null;
}

function suseRelease(fact: PackageFact): string | null {
  const { flavour, version } = suseBaseOf(fact) ?? {
    flavour: SUSE_IMAGE.exec(fact.name)?.[1],
    version: fact.version,
  };
  return flavour === undefined ? null : suseKernelRelease(version, flavour);
}

/** By release. Goes through all packages, of which a host has thousands: for those of whom they are kept from look to look. */
export function packagedKernels(packages: readonly PackageFact[]): Map<string, InstalledKernel> {
  const found = new Map<string, InstalledKernel>();
  for (const fact of packages) {
    const release = releaseOf(fact);
    if (release === null || (found.has(release) && fact.name === 'kernel')) continue;
    found.set(release, { release, package: fact.name, version: fact.version });
  }
  return found;
}

/** Kernels on the disk, by packages and by what lies in /boot, from old to new. */
export async function installedKernels(
  host: Host,
  packaged: ReadonlyMap<string, InstalledKernel>,
): Promise<InstalledKernel[]> {
  const found = new Map(packaged);
  for (const name of (await host.list('/boot')) ?? []) {
    // SUSE keeps a packed copy beside it, for debuggers.
    const release = /^vmlinu[xz]-(\d.*?)(?:\.gz|\.xz|\.zst)?$/.exec(name)?.[1];
    if (release !== undefined && !found.has(release)) found.set(release, { release, package: null, version: null });
  }
  return [...found.values()].sort((a, b) => compareReleases(a.release, b.release));
}

/** Release that the link names which Debian's and others' boot loaders follow. */
export async function bootedByLink(host: Host): Promise<string | null> {
  for (const link of ['/vmlinuz', '/boot/vmlinuz']) {
    const target = await host.readlink(link);
    const release = /vmlinu[xz]-(\d.*)$/.exec(target ?? '')?.[1];
    if (release !== undefined) return release;
  }
  return null;
}

/** Names only: how much they are used changes all the time. */
export async function loadedModules(host: Host): Promise<string[]> {
  const lines = ((await readText(host, '/proc/modules')) ?? '').split('\n');
  return lines.flatMap((line) => line.split(' ')[0] || []).sort();
}

/** As `linux-version sort` orders: digits by value, everything else by character, `-rc` before the release itself. */
export function compareReleases(left: string, right: string): number {
  const [a, b] = [parts(left), parts(right)];
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const [x, y] = [a[index] ?? '', b[index] ?? ''];
    if (x === y) continue;
    if (isCandidate(x) !== isCandidate(y)) return isCandidate(x) ? -1 : 1;
    const isNumber = /^\d/.test(x) && /^\d/.test(y);
    if (isNumber && Number(x) !== Number(y)) return Number(x) - Number(y);
    if (!isNumber) return x < y ? -1 : 1;
  }
  return 0;
}

const isCandidate = (part: string): boolean => /^[-~.]?rc$/.test(part) || part.startsWith('~');
const parts = (release: string): string[] => release.match(/\d+|\D+/g) ?? [];
