/** After so long a site's last scanner is said to be away: two calls that it missed, and a lease. */
const MINUTE_MS = 60_000;

/** Why nobody looks at a site's scopes; null: a scanner calls. `lastSeen`: when the last of its scanners did. */
export function siteBlindness(
  site: string,
  { scanners, live, lastSeen }: { scanners: number; live: number; lastSeen: Date | null },
  now: Date,
): string | null {
  if (live > 0) return null;
  if (scanners === 0) return `site ${site} has no scanner: lastember scanners token --site ${site}`;
  if (lastSeen === null) return `no scanner of site ${site} has called yet`;
  const minutes = Math.floor((now.getTime() - lastSeen.getTime()) / MINUTE_MS);
  const since =
    minutes < 1 ? 'less than a minute' : minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
  return `no scanner of site ${site} has called for ${since}`;
}
