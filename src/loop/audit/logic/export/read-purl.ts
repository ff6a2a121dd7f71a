import { PackageURL } from 'packageurl-js';
import { called } from '../advisories/match.ts';
import { DISTRIBUTIONS } from './purl.ts';

export interface NamedPackage {
  /** as facts have it, whatever its case; without a release */
  ecosystem: string;
  name: string;
  /** null: any */
  version: string | null;
}

/** Feeds and other tools call some distributions otherwise than we do. */
const SAME: Readonly<Record<string, string>> = {
  'azure-linux': 'azurelinux',
  mariner: 'azurelinux',
  opensuseleap: 'opensuse',
  'rocky-linux': 'rocky',
  rockylinux: 'rocky',
  sles: 'suse',
};
const LIBRARIES: Readonly<Record<string, string>> = { gem: 'RubyGems', maven: 'Maven', npm: 'npm', pypi: 'PyPI' };

/** `pkg:deb/debian/nodejs@0.10.0-1`, `pkg:rpm/almalinux/openssl-libs?epoch=1`, `pkg:npm/%40scope/name`. null: it names no package that hosts have. */
export function readPurl(text: string): NamedPackage | null {
  const url = parsed(text);
  if (url === null) return null;
  return Object.hasOwn(LIBRARIES, url.type) ? ofLibrary(url, LIBRARIES[url.type]!) : ofDistribution(url);
}

function ofDistribution(url: PackageURL): NamedPackage | null {
  const { type, namespace, name, version } = url;
  if (!namespace || !['deb', 'rpm', 'apk'].includes(type)) return null;
  const own = Object.hasOwn(SAME, namespace) ? SAME[namespace]! : namespace;
  const known = Object.entries(DISTRIBUTIONS).find(([, [kind, whose]]) => kind === type && whose === own);
  return { ecosystem: known?.[0] ?? own, name, version: version ? withEpoch(url, version) : null };
}

function ofLibrary({ namespace, name, version }: PackageURL, ecosystem: string): NamedPackage {
  const whole = namespace ? `${namespace}${ecosystem === 'Maven' ? ':' : '/'}${name}` : name;
  return { ecosystem, name: called(ecosystem, whole), version: version ?? null };
}

function parsed(text: string): PackageURL | null {
  try {
    return PackageURL.fromString(text);
  } catch {
    return null;
  }
}

/** An rpm's epoch is a qualifier there, and a part of the version for us. */
function withEpoch({ type, qualifiers }: PackageURL, version: string): string {
  const epoch = type === 'rpm' ? qualifiers?.['epoch'] : undefined;
  return epoch && epoch !== '0' && !version.includes(':') ? `${epoch}:${version}` : version;
}
