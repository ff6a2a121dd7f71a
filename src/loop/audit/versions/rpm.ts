import { compareRpm } from '../../../model/versions/rpm.ts';
import type { VersionScheme } from './contract.ts';

/** rpm: [epoch:]version[-release]; it compares whatever has no blanks. */
export const rpm: VersionScheme = {
  isValid: (version) => /^[^\s\p{Cc}]+$/u.test(version),
  compare: (a, b) => Math.sign(compareRpm(a, b)),
};
