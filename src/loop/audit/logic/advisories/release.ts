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
export const debianRelease = (codename: string): string => DEBIAN[codename] ?? codename;

/** `Debian:12`, `Ubuntu:22.04:LTS`, `Red Hat:enterprise_linux:9::appstream` → ecosystem and release. */
export function splitEcosystem(text: string): { ecosystem: string; release: string | null } {
  const at = text.indexOf(':');
  if (at === -1) return { ecosystem: text, release: null };
  const [ecosystem, rest] = [text.slice(0, at), text.slice(at + 1)];
  if (ecosystem === 'Ubuntu') return { ecosystem, release: rest.replace(/:LTS$/, '') };
  if (ecosystem === 'Red Hat') return { ecosystem, release: /:(\d+)/.exec(rest)?.[1] ?? rest };
  // A Maven repository's address, or the like: the order is the same, and so is the package.
  if (['Maven', 'npm', 'PyPI', 'Go'].includes(ecosystem)) return { ecosystem, release: null };
  return { ecosystem, release: rest };
}

const BY_MAJOR = new Set(['AlmaLinux', 'Debian', 'Red Hat', 'Rocky Linux', 'Alpaquita']);

/** The release that a host's feeds speak of, from os-release's VERSION_ID (`12`, `9.4`, `3.19.1`); null: it says none. */
export function releaseOf(ecosystem: string, versionId: string | null): string | null {
  if (versionId === null || versionId === '') return null;
  if (BY_MAJOR.has(ecosystem)) return versionId.split('.')[0]!;
  if (ecosystem === 'Alpine') return `v${versionId.split('.').slice(0, 2).join('.')}`;
  return versionId;
}
