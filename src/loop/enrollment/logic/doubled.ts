/** A boot that an identity was used from. */
export interface Boot {
  bootId: string;
  lastSeen: Date;
  returns: number;
}

/**
 * A request that was on its way when its machine went down may be handled after the first one of the next boot, right
 * beside it. Coming back later than this is no such thing.
 */
export const LATE_MS = 15_000;
/** Back once is also a machine that was set back to a snapshot. Twice is two machines. */
const PROOF = 2;
/** Returns long ago say nothing of today. */
const WINDOW_MS = 24 * 3_600_000;

/** Does this boot come back after another one was seen? A boot that ended never does. */
export function comesBack(seen: readonly Boot[], bootId: string, now: Date, lateMs: number = LATE_MS): boolean {
  const before = seen.find((boot) => boot.bootId === bootId);
  if (!before) return false;
  return seen.some(
    (other) =>
      other.bootId !== bootId && other.lastSeen > before.lastSeen && now.getTime() - other.lastSeen.getTime() >= lateMs,
  );
}

/** The boots that prove that two machines use one identity, latest first; empty: nothing is proven. */
export function doubled<B extends Boot>(seen: readonly B[], now: Date): B[] {
  const lately = seen.filter((boot) => now.getTime() - boot.lastSeen.getTime() < WINDOW_MS);
  const returns = lately.reduce((sum, boot) => sum + boot.returns, 0);
  if (lately.length < 2 || returns < PROOF) return [];
  return lately.toSorted((a, b) => b.lastSeen.getTime() - a.lastSeen.getTime()).slice(0, 2);
}
