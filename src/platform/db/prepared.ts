import { createHash } from 'node:crypto';
import { sql } from 'kysely';

const MARK = '/* prepared */ ';

/**
 * Stands first in a statement that runs for each host, request or job: a connection has it parsed and planned once. Only
 * for statements that are best done in one way whatever the parameters are (by a key, or a few rows that are put in): a plan
 * for all of them takes every array for a short one.
 */
export const prepared = sql.raw<never>(MARK);

/** The same, of a statement that somebody else wrote. */
export const asPrepared = (text: string): string => MARK + text;

const names = new Map<string, string>();

/** What a connection is to know the statement by; null: it is parsed each time. */
export function preparedName(text: string): string | null {
  if (!text.startsWith(MARK)) return null;
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    names.set(text, name);
  }
  return name;
}
