/** A moment within a sentence: `2026-11-20 10:00 UTC`. */
export const minuteOf = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')} UTC`;
