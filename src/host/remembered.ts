import { sha256 } from './canonical.ts';

/**
 * `work`, done once for the same words: files that did not change since the last look, or that many hosts have alike, are taken
 * apart once. Kept by the hash of what it was asked, which may hold secrets; of more than `most` answers the one that nobody
 * asked for longest is dropped. Answers are shared: nobody may change one.
 */
export function remembered<A extends readonly (string | null)[], T>(
  most: number,
  work: (...asked: A) => T,
): (...asked: A) => T {
  const known = new Map<string, { answer: T }>();
  return (...asked) => {
    const key = sha256(JSON.stringify(asked));
    const entry = known.get(key) ?? { answer: work(...asked) };
    // A map keeps the order in which keys came.
    known.delete(key);
    known.set(key, entry);
    if (known.size > most) known.delete(known.keys().next().value!);
    return entry.answer;
  };
}
