import type { PackageFact } from '../../model/facts.ts';
import type { Host } from '../host.ts';
import { apkStamp, apksOfFiles, readApk } from './apk.ts';
import { DPKG_INFO, DPKG_STATUS, dpkgStamp, packagesOfFiles, readDpkgStatus } from './dpkg.ts';
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

/** Systems whose packages are rpm's, by os-release. They may have dpkg as a tool, with an empty database, as Debian may have rpm. */
const OF_RPM =
  /\b(?:almalinux|amzn|azurelinux|centos|fedora|mageia|mariner|ol|openeuler|opensuse|photon|rhel|rocky|sles|suse)\b/i;

/** `like`: id and relatives of the distribution. Null: none that we can read. */
export async function packageDatabase(host: Host, like: string): Promise<PackageDatabase | null> {
  const order = OF_RPM.test(like) ? [rpm, dpkg, apk] : [dpkg, rpm, apk];
  for (const open of order) {
    const found = await open(host);
    if (found !== null) return found;
  }
  return null;
}

async function dpkg(host: Host): Promise<PackageDatabase | null> {
  if ((await host.stat(DPKG_STATUS)) === null && (await host.stat(DPKG_INFO)) === null) return null;
  return {
    manager: 'dpkg',
    stamp: await dpkgStamp(host),
    read: (ecosystem) => readDpkgStatus(host, ecosystem),
    ownersOf: (paths) => packagesOfFiles(host, paths),
  };
}

async function rpm(host: Host): Promise<PackageDatabase | null> {
  const stamp = await rpmStamp(host);
  if (stamp === null) return null;
  return {
    manager: 'rpm',
    stamp,
    read: (ecosystem) => readRpm(host, ecosystem),
    ownersOf: (paths) => rpmsOfFiles(host, paths),
  };
}

async function apk(host: Host): Promise<PackageDatabase | null> {
  const stamp = await apkStamp(host);
  if (stamp === null) return null;
  return {
    manager: 'apk',
    stamp,
    read: (ecosystem) => readApk(host, ecosystem),
    ownersOf: (paths) => apksOfFiles(host, paths),
  };
}
