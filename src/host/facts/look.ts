import type { Facts, SectionName } from '../../model/facts.ts';
import type { Host } from '../host.ts';
import { guarded } from './guarded.ts';

/** What an earlier look found out, with a stamp that says whether it still holds. Lives as long as the agent runs. */
export type FactCache = Map<string, { stamp: string; value: unknown }>;

/** One look at a host. Sections share what they read through it and never import each other. */
export interface Look {
  /** without what lies on file systems of others */
  readonly host: Host;
  /** The first asker's answer, for everyone who asks in this look. */
  once<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** The answer of an earlier look while `stamp` is the same. */
  kept<T>(key: string, stamp: string, work: () => Promise<T>): Promise<T>;
  /** What nobody answered so far fails for those who ask next: each would wait as long as the first. */
  giveUp(error: Error): void;
}

/** A collector returns facts and knows no rule. Bump `version` when the same host would give other data. */
export interface FactSection<N extends SectionName = SectionName> {
  readonly name: N;
  readonly version: number;
  collect(look: Look): Promise<Facts[N]>;
}

export function newLook(host: Host, cache: FactCache = new Map()): Look {
  const answers = new Map<string, Promise<unknown>>();
  const open = new Set<string>();
  return {
    host: guarded(host),
    once: <T>(key: string, work: () => Promise<T>) => {
      const known = answers.get(key);
      if (known !== undefined) return known as Promise<T>;
      open.add(key);
      const answer = work().finally(() => open.delete(key));
      answers.set(key, answer);
      return answer;
    },
    giveUp: (error) => {
      for (const key of open) {
        const failed = Promise.reject(error);
        failed.catch(() => {});
        answers.set(key, failed);
      }
      open.clear();
    },
    kept: async <T>(key: string, stamp: string, work: () => Promise<T>) => {
      const known = cache.get(key);
      if (known?.stamp === stamp) return known.value as T;
      const value = await work();
      cache.set(key, { stamp, value });
      return value;
    },
  };
}

/** At most `width` at a time: a host has hundreds of processes and one connection, and over it each wait counts. */
export async function each<A, B>(items: readonly A[], work: (item: A) => Promise<B>, width = 64): Promise<B[]> {
  const results: B[] = Array.from({ length: items.length });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}

export const modeText = (mode: number): string => mode.toString(8).padStart(4, '0');

/** Order that does not depend on locale, so that hashes do not either. */
export function by<T>(...keys: ((item: T) => string | number)[]): (a: T, b: T) => number {
  return (a, b) => {
    for (const key of keys) {
      const [left, right] = [key(a), key(b)];
      if (left !== right) return left < right ? -1 : 1;
    }
    return 0;
  };
}
