import { UNSAID } from './extended.ts';
import type { OrderOf } from './match.ts';
import { kernelWith } from './kernel-image.ts';
import { minorOf } from './streams.ts';

/** Why a statement of Ubuntu's has a fix that not everybody gets. */
export const WITH_PRO = 'with Ubuntu Pro';

/** A package with a fix that a feed knows, as one host has it. */
interface Wanted {
  ecosystem: string;
  name: string;
  version: string;
  source: string;
  sourceVersion: string;
  fix: string | null;
  why: string;
}

/** What the archives of that host have. */
export interface Offered {
  /** what its package manager would install now; null: nothing; undefined: nobody asked it */
  candidate: string | null | undefined;
  /** each as `origin suite component`; null: nobody knows */
  archives: readonly string[] | null;
  /** whole days since they were last asked; null: nobody knows */
  listsAgeDays: number | null;
}

/**
 * Why the host cannot have the fix now; null: it can, or nobody knows. That a feed names a version does not put it into an
 * archive, and some archives are not for everybody. A kernel's fix is a package of another name, of which this tells nothing.
 */
export function whyNotOffered(wanted: Wanted, offered: Offered, orderOf: OrderOf): string | null {
  const { fix, version } = wanted;
  if (fix === null || kernelWith(wanted) !== null) return null;
  const { candidate, archives, listsAgeDays } = offered;
  if (wanted.why.includes(WITH_PRO) && archives !== null && !archives.some(isOfPro))
    return 'it comes with Ubuntu Pro, to which this host is not attached';
  if (candidate === undefined) return whyOfNoUse(wanted);
  const asOf = listsAgeDays === null || listsAgeDays < 1 ? '' : `, as of ${days(listsAgeDays)} ago`;
  if (candidate === null) return `no archive of this host has the package${asOf}`;
  if (candidate !== version && !isOlder(candidate, fix, wanted, orderOf)) return null;
  return `the archives of this host do not offer it yet: ${candidate} is the newest there${asOf}`;
}

/** A fix of Red Hat's that names the minor release which it was built for, and that one is not the host's. */
const whyOfNoUse = ({ why, fix }: Wanted): string | null =>
  why.includes(UNSAID) && minorOf(fix!) !== null ? 'it is of another stream than this host’s' : null;

/** What is offered is newer than what is installed, and still older than the fix. */
const isOlder = (candidate: string, fix: string, wanted: Wanted, orderOf: OrderOf): boolean =>
  isNumberedAlike(wanted) && orderOf(wanted.ecosystem)?.(candidate, fix) === -1;

const days = (count: number): string => (count === 1 ? 'a day' : `${count} days`);

/** Attached, a host has the archives `UbuntuESM jammy-infra-security main` and `UbuntuESMApps jammy-apps-security main`. */
const isOfPro = (archive: string): boolean => archive.startsWith('UbuntuESM');

/** A fix is a version of the source, or of the binary package: the two have to be one, but for a rebuild's number. */
const isNumberedAlike = ({ version, sourceVersion }: Wanted): boolean =>
  version.replace(/\+b\d+$/, '') === sourceVersion;
