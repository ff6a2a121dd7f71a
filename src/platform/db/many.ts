import { sql, type RawBuilder } from 'kysely';

/** Rows an insert may carry: PostgreSQL takes 65,535 parameters a statement, and no table here has 32 columns. */
const CHUNK = 2000;

/** `column = any(array)`: one parameter however many ids, where a list would need one each. */
export const anyOf = (ids: readonly string[]): RawBuilder<string> => sql<string>`any(${[...ids]}::text[])`;

export function chunks<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / CHUNK);
  return Array.from({ length: count }, (_, index) => items.slice(index * CHUNK, (index + 1) * CHUNK));
}
