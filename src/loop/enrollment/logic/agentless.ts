import { createHash } from 'node:crypto';

/** As often as agents report. */
const EVERY_MS = 300_000;
const LONGEST_MS = 3_600_000;

/**
 * When to look at a host again: every five minutes while looks succeed, less and less often while they fail, up to an
 * hour. Each host has its own place within the last tenth, so that thousands are not due in the same second.
 */
export function nextLook(now: Date, failures: number, hostId: string): Date {
  const wait = Math.min(EVERY_MS * 2 ** Math.max(0, failures - 1), LONGEST_MS);
  const place = createHash('sha256').update(hostId).digest().readUInt16BE(0) / 65_536;
  return new Date(now.getTime() + wait * (0.9 + place / 10));
}
