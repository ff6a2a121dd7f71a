import type * as z from 'zod';

/** What a file is not, where it first shows, and why. */
export function unfit(what: string, { issues: [issue] }: z.ZodError, separator = ' '): string {
  const place = issue?.path.map(String).join(separator) || 'it';
  return `${what}: ${place}: ${issue?.message ?? 'it does not fit'}`;
}
