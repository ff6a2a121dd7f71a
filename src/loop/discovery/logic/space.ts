const DAY_MS = 24 * 60 * 60_000;
/** After so long, what a scan saw says little about today. */
export const STALE_DAYS = 7;

/** Why nobody looks at a part of the address space; null: somebody does. */
export function blindness(
  scope: { name: string; every: string | null } | null,
  scannedAt: Date | null,
  now: Date,
): string | null {
  if (!scope) return 'in no scope: no scan looks there';
  if (!scannedAt) return `scope ${scope.name} was never scanned to its end`;
  const days = Math.floor((now.getTime() - scannedAt.getTime()) / DAY_MS);
  if (days < STALE_DAYS) return null;
  return `scope ${scope.name} was last scanned ${days} days ago${scope.every === null ? ', by hand: give it a schedule' : ''}`;
}
