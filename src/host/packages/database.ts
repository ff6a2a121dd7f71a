import type { PackageFact } from '../../model/facts.ts';
import type { Host } from '../host.ts';
import { apkStamp, apksOfFiles, readApk } from './apk.ts';
import { DPKG_STATUS, dpkgStamp, packagesOfFiles, readDpkgStatus } from './dpkg.ts';
import { readRpm, rpmsOfFiles, rpmStamp } from './rpm.ts';

/** The package manager whose system this is. */
export interface PackageDatabase {
  manager: 'dpkg' | 'rpm' | 'apk';
  /** changes whenever the database does */
  stamp: string;
  read(ecosystem: string): Promise<PackageFact[]>;
  /** Files that no package brought are left out. */
  ownersOf(paths: readonly string[]): Promise<Map<string, string>>;
}

/** dpkg first: a system of it may have the tools of the others, and then their databases are empty or somebody's own. */
export async function packageDatabase(host: Host): Promise<PackageDatabase | null> {
  if ((await host.stat(DPKG_STATUS)) !== null) {
    return {
      manager: 'dpkg',
      stamp: await dpkgStamp(host),
      read: (ecosystem) => readDpkgStatus(host, ecosystem),
      ownersOf: (paths) => packagesOfFiles(host, paths),
    };
  }
  const rpm = await rpmStamp(host);
  if (rpm !== null) {
    return {
      manager: 'rpm',
      stamp: rpm,
      read: (ecosystem) => readRpm(host, ecosystem),
      ownersOf: (paths) => rpmsOfFiles(host, paths),
    };
  }
  const apk = await apkStamp(host);
  if (apk === null) return null;
  return {
    manager: 'apk',
    stamp: apk,
    read: (ecosystem) => readApk(host, ecosystem),
    ownersOf: (paths) => apksOfFiles(host, paths),
  };
}
