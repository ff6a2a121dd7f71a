import type { InstalledKernel, KernelFacts, PackageFact } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';
import { bootedByLink, installedKernels, loadedModules, packagedKernels } from '../machine/kernels.ts';
import { kernelVersion } from './kernel-version.ts';
import type { FactSection, Look } from './look.ts';
import { packages } from './shared.ts';

const FLAG = '/run/reboot-required';

/** The kernel that runs beside those that are installed: an update is in force only after the boot into it. */
export const kernel: FactSection<'kernel'> = {
  name: 'kernel',
  version: 1,
  async collect(look): Promise<KernelFacts> {
    const { host } = look;
    const release = (await readText(host, '/proc/sys/kernel/osrelease', 4096))?.trim() || 'unknown';
    const installed = await installedKernels(host, await packaged(look));
    return {
      release,
      version: await kernelVersion(look),
      package: installed.find((one) => one.release === release)?.package ?? null,
      installed,
      newest: installed.at(-1)?.release ?? null,
      boots: await bootedByLink(host),
      modules: await loadedModules(host),
      rebootRequired: (await host.stat(FLAG)) !== null,
      rebootPackages: await waiting(host),
    };
  },
};

interface Packaged {
  of: readonly PackageFact[];
  kernels: ReadonlyMap<string, InstalledKernel>;
}

/** The list of packages is the same one from look to look while nothing is installed. */
async function packaged(look: Look): Promise<Packaged['kernels']> {
  const all = await packages(look);
  const before = await look.kept('packaged-kernels', '', async (): Promise<Packaged> => ({
    of: [],
    kernels: new Map(),
  }));
  if (before.of !== all) Object.assign(before, { of: all, kernels: packagedKernels(all) });
  return before.kernels;
}

/** Each package adds its line at each update: what it says twice is still one. */
async function waiting(host: Host): Promise<string[]> {
  const lines = ((await readText(host, `${FLAG}.pkgs`, 262_144)) ?? '').split('\n');
  return [...new Set(lines.map((line) => line.trim()).filter(Boolean))].sort();
}
