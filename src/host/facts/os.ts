import type { OsFacts } from '../../model/facts.ts';
import { readText, type Host } from '../host.ts';
import { extendedRepositories, pinnedRelease, repositoriesStamp } from '../packages/red-hat-repositories.ts';
import { kernelVersion } from './kernel-version.ts';
import type { FactSection, Look } from './look.ts';
import { managed, osRelease, packages } from './shared.ts';

export const os: FactSection<'os'> = {
  name: 'os',
  version: 3,
  async collect(look) {
    const { host } = look;
    const release = await osRelease(look);
    return {
      id: release['ID'] ?? 'unknown',
      versionId: release['VERSION_ID'] ?? '',
      codename: release['VERSION_CODENAME'] ?? '',
      prettyName: release['PRETTY_NAME'] ?? release['NAME'] ?? 'unknown',
      arch: await architecture(look),
      hostname: (await line(host, '/etc/hostname')) ?? (await line(host, '/proc/sys/kernel/hostname')) ?? '',
      machineId: await line(host, '/etc/machine-id'),
      bootId: await line(host, '/proc/sys/kernel/random/boot_id'),
      kernel: (await line(host, '/proc/sys/kernel/osrelease')) ?? 'unknown',
      kernelVersion: await kernelVersion(look),
      image: await line(host, '/etc/image-id'),
      libc: (await packages(look)).find((fact) => fact.name === 'libc6')?.version ?? null,
      serviceManager: await serviceManager(look),
      ...(await updates(look, release['ID'])),
    };
  },
};

/** The same until the next boot. A machine that did not say it is asked again. */
async function architecture({ host, kept }: Look): Promise<string> {
  const boot = await line(host, '/proc/sys/kernel/random/boot_id');
  const known = boot === null ? { told: '' } : await kept('arch', boot, async () => ({ told: '' }));
  known.told ||= (await host.exec(['uname', '-m'])).stdout.trim();
  return known.told || 'unknown';
}

/** Red Hat's alone. What may not be read tells nothing, and the rest of the section does not hang on it. */
async function updates({ host, kept }: Look, id: string | undefined): Promise<Pick<OsFacts, 'updatesFrom'>> {
  if (id !== 'rhel') return {};
  try {
    const repositories = await kept('extended', await repositoriesStamp(host), () => extendedRepositories(host));
    return { updatesFrom: { pinned: await pinnedRelease(host), repositories } };
  } catch {
    return {};
  }
}

async function line(host: Host, path: string): Promise<string | null> {
  return (await readText(host, path, 4096))?.split('\n')[0]?.trim() || null;
}

async function serviceManager(look: Look): Promise<OsFacts['serviceManager']> {
  const known = (await managed(look))?.manager;
  if (known !== undefined) return known;
  return (await look.host.stat('/run/systemd/system')) ? 'systemd' : 'none';
}
