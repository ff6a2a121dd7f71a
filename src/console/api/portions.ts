/** As many ids as one request takes. */
const PORTION = 200;

/** Asks for many things by their ids, some at a time. */
export async function inPortions<T>(ids: readonly string[], ask: (ids: string[]) => Promise<T[]>): Promise<T[]> {
  const portions = Array.from({ length: Math.ceil(ids.length / PORTION) }, (_, n) =>
    ids.slice(n * PORTION, (n + 1) * PORTION),
  );
  return (await Promise.all(portions.map(ask))).flat();
}
