/** How far apart we ask archives for their lists at least: what they offer is not known by the minute. */
export const LISTS_EVERY_MS = 6 * 3_600_000;
