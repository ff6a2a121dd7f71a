import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { apk } from './apk-manager.ts';
import { apt } from './apt.ts';
import { packageDatabase } from './database.ts';
import { dnf } from './dnf.ts';
import type { PackageManager } from './manager.ts';
import { zypper } from './zypper.ts';

/** Null: the host has none that we know. */
export async function findPackageManager(host: Host): Promise<PackageManager | null> {
  const release = (await readText(host, '/etc/os-release')) ?? (await readText(host, '/usr/lib/os-release')) ?? '';
  const like = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map((match) => match[1]).join(' ');
  const database = await packageDatabase(host, like);
  if (database?.manager === 'dpkg') return apt(host);
  if (database?.manager === 'apk') return apk(host);
  return database?.manager === 'rpm' ? ofRpm(host, like) : null;
}

/** Each can be installed beside the other; what the distribution works with counts. yum before dnf is not known. */
async function ofRpm(host: Host, like: string): Promise<PackageManager | null> {
  const has = async (program: string): Promise<boolean> => (await host.stat(`/usr/bin/${program}`)) !== null;
  if (/suse/i.test(like) && (await has('zypper'))) return zypper(host);
  if (await has('dnf')) return dnf(host, 'dnf', (await host.readlink('/usr/bin/dnf'))?.endsWith('dnf5') ?? false);
  if (await has('dnf5')) return dnf(host, 'dnf5', true);
  return (await has('zypper')) ? zypper(host) : null;
}

export async function packageManager(host: Host, kind: string): Promise<PackageManager> {
  const found = await findPackageManager(host);
  if (found !== null) return found;
  const why = 'it has no package manager that Lastember works with (apt, dnf, zypper, apk)';
  throw new AppError('STEP_UNSUPPORTED', { kind, why });
}
