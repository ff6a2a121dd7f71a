import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { apt } from './apt.ts';
import { packageDatabase } from './database.ts';
import type { PackageManager } from './manager.ts';

/** Null: the host has none that we know. */
export async function findPackageManager(host: Host): Promise<PackageManager | null> {
  const release = (await readText(host, '/etc/os-release')) ?? (await readText(host, '/usr/lib/os-release')) ?? '';
  const like = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map((match) => match[1]).join(' ');
  const database = await packageDatabase(host, like);
  return database?.manager === 'dpkg' ? apt(host) : null;
}

export async function packageManager(host: Host, kind: string): Promise<PackageManager> {
  const found = await findPackageManager(host);
  if (found !== null) return found;
  const why = 'it has no package manager that Lastember works with (apt, dnf, zypper, apk)';
  throw new AppError('STEP_UNSUPPORTED', { kind, why });
}
