import { join } from 'node:path';
import type { Facts, OsFacts, PackageFact } from '../../../model/facts.ts';

/** Kits that are not shipped. */
export const TEST_KITS = join(import.meta.dirname, 'kits');

/** A package as Debian's or Ubuntu's dpkg tells it: name, version and `source (its version)`. */
export function pkg(ecosystem: string, name: string, version: string, source: string): PackageFact {
  const [, of = source, sourceVersion = version] = /^(\S+) \((.+)\)$/.exec(source) ?? [];
  return { ecosystem, name, version, arch: 'amd64', source: of, sourceVersion, status: 'installed' };
}

/** What the update to `version` leaves on a Debian host: a signed image of its own name. */
export const image = (release: string, version: string): PackageFact =>
  pkg('Debian', `linux-image-${release}`, version, `linux-signed-amd64 (${version.replace('-', '+')})`);

export const OLD = image('6.1.0-17-amd64', '6.1.69-1');
export const FIXED = image('6.1.0-18-amd64', '6.1.76-1');

/** A host by its running kernel (`release` and the version that it tells) and its packages. */
export function hostWith(kernel: string, kernelVersion: string | null, packages: PackageFact[]): Partial<Facts> {
  const os: OsFacts = {
    id: packages[0]?.ecosystem.toLowerCase() ?? 'debian',
    versionId: '12',
    codename: 'bookworm',
    prettyName: 'Debian GNU/Linux 12 (bookworm)',
    arch: 'x86_64',
    hostname: 'shop',
    machineId: null,
    bootId: null,
    kernel,
    kernelVersion,
    image: null,
    libc: null,
    serviceManager: 'systemd',
  };
  return { os, packages };
}
