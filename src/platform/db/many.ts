import { sql, type RawBuilder } from 'kysely';

/** Rows an insert may carry: PostgreSQL takes 65,535 parameters a statement, and no table here has 32 columns. */
const CHUNK = 2000;

/** `column = any(array)`: one parameter however many ids, where a list would need one each. */
export const anyOf = (ids: readonly string[]): RawBuilder<string> => sql<string>`any(${[...ids]}::text[])`;

export function chunks<T>(items: readonly T[], size = CHUNK): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
