/** Milliseconds from then to now. What lies ahead was written before a clock was set back: it is as long ago as can be. */
export const elapsedMs = (now: number, since: number): number => (now < since ? Infinity : now - since);
