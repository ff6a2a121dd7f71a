import { streamReleaseOf } from './streams.ts';
import { entryOf } from '../../../../model/entry-of.ts';

const DEBIAN: Readonly<Record<string, string>> = {
  squeeze: '6',
  wheezy: '7',
  jessie: '8',
  stretch: '9',
  buster: '10',
  bullseye: '11',
  bookworm: '12',
  trixie: '13',
  forky: '14',
};

/** Debian's number of a code name; sid and what we do not know keep their names. */
export const debianRelease = (codename: string): string => entryOf(DEBIAN, codename) ?? codename;

/** Where a feed's word for a release is another one than os-release's. */
const RELEASES: Readonly<Record<string, (rest: string) => string>> = {
  // Fixes of Pro are for the same release; those for FIPS are other packages, whose versions are other versions.
  Ubuntu: (rest) => rest.replace(/:LTS$/, '').replace(/^Pro:(?=\d+\.\d+$)/, ''),
  // Layered products have packages of their own.
  'Red Hat': (rest) => /^enterprise_linux:(\d+)/.exec(rest)?.[1] ?? streamReleaseOf(rest) ?? rest,
  // Modules and products of one service pack have one VERSION_ID.
  SUSE: (rest) => {
    const match =
      /^(?:SUSE )?(?:Linux Enterprise|Package Hub)(?! Micro).* (\d+(?:\.\d+)?)(?: SP(\d+))?(?:-[A-Z]+)*$/.exec(rest);
    return match ? `${match[1]}${match[2] === undefined ? '' : `.${match[2]}`}` : rest;
  },
  openSUSE: (rest) => rest.replace(/^Leap (?=\d)/, ''),
  // Its VERSION_ID leaves the service pack out: what holds for one of them is taken to hold for all.
  openEuler: (rest) => rest.replace(/-LTS.*$/, ''),
  'Azure Linux': (rest) => rest.split('.')[0]!,
};

/** `Debian:12`, `Ubuntu:22.04:LTS`, `SUSE:Linux Enterprise Server 15 SP5`, `Red Hat:enterprise_linux:9::appstream` → ecosystem and release. */
export function splitEcosystem(text: string): { ecosystem: string; release: string | null } {
  const at = text.indexOf(':');
  if (at === -1) return { ecosystem: text, release: null };
  const [ecosystem, rest] = [text.slice(0, at), text.slice(at + 1)];
  const told = entryOf(RELEASES, ecosystem);
  if (told) return { ecosystem, release: told(rest) };
  // A Maven repository's address, or the like: the order is the same, and so is the package.
  if (['Maven', 'npm', 'PyPI', 'Go'].includes(ecosystem)) return { ecosystem, release: null };
  return { ecosystem, release: rest };
}

const BY_MAJOR = new Set(['AlmaLinux', 'Azure Linux', 'Debian', 'Red Hat', 'Rocky Linux', 'Alpaquita']);

/** The release that a host's feeds speak of, from os-release's VERSION_ID (`12`, `9.4`, `3.19.1`); null: it says none. */
export function releaseOf(ecosystem: string, versionId: string | null): string | null {
  if (versionId === null || versionId === '') return null;
  if (BY_MAJOR.has(ecosystem)) return versionId.split('.')[0]!;
  // `3.23_alpha20260401`: what is to become a release, which feeds call edge.
  if (ecosystem === 'Alpine' && /_alpha/.test(versionId)) return 'edge';
  if (ecosystem === 'Alpine') return `v${versionId.split('.').slice(0, 2).join('.')}`;
  // A snapshot's date.
  if (ecosystem === 'openSUSE' && /^\d{8}$/.test(versionId)) return 'Tumbleweed';
  return entryOf(RELEASES, ecosystem)?.(versionId) ?? versionId;
}
