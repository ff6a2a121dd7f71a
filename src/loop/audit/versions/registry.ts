import { apk } from './apk.ts';
import { LONGEST_VERSION, type VersionScheme } from './contract.ts';
import { debian } from './debian.ts';
import { maven } from './maven.ts';
import { nuget } from './nuget.ts';
import { pypi } from './pypi.ts';
import { rpm } from './rpm.ts';
import { rubygems } from './rubygems.ts';
import { semver } from './semver.ts';

/** Negative: a is older than b. null: one of them is no version of that ecosystem, and they cannot be compared. */
export type VersionOrder = (a: string, b: string) => number | null;

/** Ecosystem as OSV and facts name it → its versions. Alphabetical. */
export const VERSION_SCHEMES: Readonly<Record<string, VersionScheme>> = {
  AlmaLinux: rpm,
  Alpaquita: apk,
  Alpine: apk,
  'Azure Linux': rpm,
  'BellSoft Hardened Containers': apk,
  Chainguard: apk,
  Debian: debian,
  Go: semver,
  Hex: semver,
  Mageia: rpm,
  Maven: maven,
  MinimOS: apk,
  NuGet: nuget,
  PyPI: pypi,
  'Red Hat': rpm,
  'Rocky Linux': rpm,
  RubyGems: rubygems,
  SUSE: rpm,
  Ubuntu: debian,
  Wolfi: apk,
  'crates.io': semver,
  npm: semver,
  openEuler: rpm,
  openSUSE: rpm,
};

const ORDERS = new Map<string, VersionOrder>(
  Object.entries(VERSION_SCHEMES).map(([name, { isValid, compare }]) => {
    const valid = (version: string): boolean => version.length <= LONGEST_VERSION && isValid(version);
    return [name, (a, b) => (valid(a) && valid(b) ? compare(a, b) : null)];
  }),
);

/** `Debian:12` is ordered as Debian is; null where we do not know how versions are ordered. */
export function versionOrder(ecosystem: string): VersionOrder | null {
  return ORDERS.get(ecosystem.split(':')[0]!) ?? null;
}
