import { compareDebian } from './debian.ts';

/** Negative: a is older than b. */
export type VersionOrder = (a: string, b: string) => number;

/** Ecosystem as facts and advisories name it → its order of versions. Alphabetical. */
export const VERSION_ORDERS: Readonly<Record<string, VersionOrder>> = {
  Debian: compareDebian,
  Ubuntu: compareDebian,
};

/** `Debian:12` is ordered as Debian is; null where we do not know how versions are ordered. */
export function versionOrder(ecosystem: string): VersionOrder | null {
  const name = ecosystem.split(':')[0]!;
  return Object.hasOwn(VERSION_ORDERS, name) ? VERSION_ORDERS[name]! : null;
}
