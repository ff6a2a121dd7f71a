import * as z from 'zod';

const Milliseconds = z.number().nonnegative();
/** See `handover.ts`; as they come back through the environment. */
export const Times = z.object({
  startedAt: Milliseconds,
  factsAt: Milliseconds,
  listsAt: Milliseconds,
  wholeAt: Milliseconds,
});
const Resumed = z.object({
  times: Times,
  /** see `Freshness` */
  shell: z.int().positive().nullable(),
  absence: z
    .object({
      since: Milliseconds,
      tries: z.int().nonnegative(),
      refusals: z.int().nonnegative(),
      toldAt: Milliseconds,
    })
    .nullable(),
});
export type Resumed = z.infer<typeof Resumed>;

/** What an agent goes on with that only waited; null: it begins. */
export function readResumed(text: string | null): Resumed | null {
  if (text === null) return null;
  try {
    return Resumed.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
