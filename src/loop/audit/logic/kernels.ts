import type { AffectedRange } from '../../../model/kit.ts';

/** Sources of Ubuntu that begin as kernels do. What is not named here counts as one: waiting in vain harms less. */
const OTHERS =
  /^-(?:apfs|atm|backports|base|firmware|ftpd|generate|igd|main-modules|minidisc|restricted|show-player|sound-base|ubuntu-modules|user-chroot|wlan-ng)\b/;

/**
 * The kernel that a source package belongs to, by the name of its own source: `linux` for Debian's linux-signed-amd64,
 * `linux-aws` for Ubuntu's linux-meta-aws. Null for everything else.
 */
export function kernelOf({ ecosystem, source }: { ecosystem: string; source: string }): string | null {
  switch (ecosystem.split(':')[0]) {
    case 'Debian': {
      const match = /^linux(-\d+\.\d+)?$/.exec(source) ?? /^linux-signed(-\d+\.\d+)?-[a-z0-9]+$/.exec(source);
      return match && `linux${match[1] ?? ''}`;
    }
    case 'Ubuntu': {
      const match = /^linux(?:-signed|-meta)?(-.+)?$/.exec(source);
      return match && !OTHERS.test(match[1] ?? '') ? `linux${match[1] ?? ''}` : null;
    }
    default:
      return null;
  }
}

/** The ranges that are about kernels, in names and versions of the kernels' own sources. */
export function kernelRanges(ranges: readonly AffectedRange[]): AffectedRange[] {
  return ranges.flatMap((range) => {
    const name = kernelOf({ ecosystem: range.ecosystem, source: range.name });
    if (name === null) return [];
    const { introduced, fixed } = range;
    const own = (version: string): string => ownVersion(range.name, version);
    return [{ ...range, name, introduced: own(introduced), ...(fixed === undefined ? {} : { fixed: own(fixed) }) }];
  });
}

export const isKernel = (ranges: readonly AffectedRange[], name: string): boolean =>
  kernelRanges(ranges).some((range) => range.name === name);

/** linux-signed-amd64 6.1.76+1 signs linux 6.1.76-1; linux-meta 5.15.0.91.88 depends on 5.15.0-91. */
export function ownVersion(source: string, version: string): string {
  if (source.startsWith('linux-signed-')) return version.includes('-') ? version : version.replace('+', '-');
  if (/^linux-meta\b/.test(source)) return version.replace(/^(\d+\.\d+\.\d+)\.(\d+)\.\d.*$/, '$1-$2');
  return version;
}
