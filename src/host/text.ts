/**
 * Half of a surrogate pair cannot be hashed, and NUL cannot be stored: both are a host's to write, so both are taken out
 * of whatever it says.
 */
export const tidy = (text: string): string => text.toWellFormed().replaceAll('\0', '');

/** At most so many UTF-16 units, tidy: a cut may go through the middle of a character. */
export const cut = (text: string, length: number): string => tidy(text.slice(0, length));

/** The same value with every string in it tidy; the very same where all of them are. */
export function tidied(value: unknown): unknown {
  if (typeof value === 'string') return tidy(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const tidy = value.map(tidied);
    return tidy.some((inner, index) => inner !== value[index]) ? tidy : value;
  }
  const pairs = Object.entries(value);
  const tidyPairs = pairs.map(([key, inner]) => [tidy(key), tidied(inner)] as const);
  const isTidy = tidyPairs.every(([key, inner], index) => key === pairs[index]![0] && inner === pairs[index]![1]);
  return isTidy ? value : Object.fromEntries(tidyPairs);
}
