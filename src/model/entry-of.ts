/** What a table holds under a name that came from outside; never what every object has (`constructor`, `__proto__`). */
export const entryOf = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
