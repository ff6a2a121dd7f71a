/**
 * Half of a surrogate pair cannot be hashed, and NUL cannot be stored: both are a host's to write, so both are taken out
 * of whatever it says.
 */
export const tidy = (text: string): string => text.toWellFormed().replaceAll('\0', '');

/** At most so many UTF-16 units, tidy: a cut may go through the middle of a character. */
export const cut = (text: string, length: number): string => tidy(text.slice(0, length));

/** The same value with every string in it tidy. */
export function tidied(value: unknown): unknown {
  if (typeof value === 'string') return tidy(value);
  if (Array.isArray(value)) return value.map(tidied);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [tidy(key), tidied(inner)]));
}
