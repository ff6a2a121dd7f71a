import { compareText } from '../../../model/versions/digits.ts';
import type { VersionScheme } from './contract.ts';
import { semverLike } from './semver.ts';

const VERSION = /^(\d+(?:\.\d+){0,3})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** NuGet: as SemVer, with a fourth number, and pre-releases without regard to case. */
export const nuget: VersionScheme = semverLike(VERSION, (a, b) => compareText(a.toLowerCase(), b.toLowerCase()));
