import { PackageURL } from 'packageurl-js';
import { entryOf } from '../../../../model/entry-of.ts';

/** How package URLs name the kind of package and whose it is. */
export const DISTRIBUTIONS: Readonly<Record<string, readonly [type: string, namespace: string]>> = {
  AlmaLinux: ['rpm', 'almalinux'],
  Alpaquita: ['apk', 'alpaquita'],
  Alpine: ['apk', 'alpine'],
  'Azure Linux': ['rpm', 'azurelinux'],
  Chainguard: ['apk', 'chainguard'],
  Debian: ['deb', 'debian'],
  Fedora: ['rpm', 'fedora'],
  Mageia: ['rpm', 'mageia'],
  MinimOS: ['apk', 'minimos'],
  'Red Hat': ['rpm', 'redhat'],
  'Rocky Linux': ['rpm', 'rocky'],
  SUSE: ['rpm', 'suse'],
  Ubuntu: ['deb', 'ubuntu'],
  Wolfi: ['apk', 'wolfi'],
  openEuler: ['rpm', 'openeuler'],
  openSUSE: ['rpm', 'opensuse'],
};

export interface Packaged {
  /** as facts have it, with or without a release */
  ecosystem: string;
  name: string;
  version: string;
  /** of a distribution's package */
  arch?: string | null;
  source?: string;
  sourceVersion?: string;
  /** as os-release has it */
  versionId?: string | null;
}

/** Package URL; the same for the same package, wherever it is written. Null: its kind has none. */
export function purlOf(one: Packaged): string | null {
  const ecosystem = one.ecosystem.split(':')[0]!;
  const distribution = entryOf(DISTRIBUTIONS, ecosystem);
  return distribution ? distributed(one, distribution) : library(ecosystem, one);
}

function distributed(one: Packaged, [type, namespace]: readonly [string, string]): string {
  // An rpm's epoch is a qualifier, a Debian package's a part of its version.
  const [, epoch, rest] = (type === 'rpm' && /^(\d+):(.*)$/.exec(one.version)) || [];
  const qualifiers = {
    ...(one.arch ? { arch: one.arch } : {}),
    ...(one.versionId ? { distro: `${namespace}-${one.versionId}` } : {}),
    ...(epoch && epoch !== '0' ? { epoch } : {}),
    ...upstreamOf(one),
  };
  return new PackageURL(type, namespace, one.name, rest ?? one.version, qualifiers, null).toString();
}

/** What grype and syft call the source package, which a distribution's advisories speak of. */
const upstreamOf = ({ source, sourceVersion, name, version }: Packaged): { upstream?: string } =>
  !source || (source === name && sourceVersion === version) ? {} : { upstream: `${source}@${sourceVersion}` };

function library(ecosystem: string, { name, version }: Packaged): string | null {
  const url = (type: string, namespace: string | null, own: string): string =>
    new PackageURL(type, namespace, own, version, null, null).toString();
  if (ecosystem === 'PyPI') return url('pypi', null, name.toLowerCase().replaceAll(/[-_.]+/g, '-'));
  if (ecosystem === 'RubyGems') return url('gem', null, name);
  const [namespace, own] = split(name, ecosystem === 'Maven' ? ':' : '/');
  if (own === '') return null;
  if (ecosystem === 'npm') return url('npm', namespace, own);
  return ecosystem === 'Maven' && namespace !== null ? url('maven', namespace, own) : null;
}

function split(name: string, by: string): [namespace: string | null, name: string] {
  const at = name.indexOf(by);
  return at < 1 ? [null, name] : [name.slice(0, at), name.slice(at + 1)];
}

/** Package URLs have no type for snaps; what is generic is matched with nothing by its name alone (decision 0113). */
export const purlOfSnap = (one: {
  name: string;
  version: string | null;
  revision: string;
  channel: string | null;
}): string =>
  new PackageURL(
    'generic',
    null,
    one.name,
    one.version,
    { ...(one.channel === null ? {} : { channel: one.channel }), origin: 'snap', revision: one.revision },
    null,
  ).toString();
