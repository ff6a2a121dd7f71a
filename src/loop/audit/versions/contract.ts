/** How one ecosystem orders its versions. Pure, and for any text: what it does not take for a version is not valid. */
export interface VersionScheme {
  isValid(version: string): boolean;
  /** Negative: a is older. A total order over valid versions; of others it says nothing. */
  compare(a: string, b: string): number;
}

/** No version of any ecosystem is longer; what is, is no version. */
export const LONGEST_VERSION = 256;
