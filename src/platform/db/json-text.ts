/** For jsonb, which knows neither NUL nor halves of surrogate pairs; the strings of hosts and their certificates may hold both. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return text;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'string' ? plainString(inner) : inner));
}

/** A string as PostgreSQL can hold it. */
export const plainString = (text: string): string => text.toWellFormed().replaceAll('\0', '\uFFFD');
