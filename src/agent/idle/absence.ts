/** A server that is away, or does not want us, as it is seen from here; times in milliseconds. */
export interface Absence {
  since: number;
  tries: number;
  /** of these, how often it was there and did not want us */
  refusals: number;
  /** when a line of the log last said so */
  toldAt: number;
}

const FIRST_MS = 500;
/** While it may be a restart, which nobody should notice. */
const SOON_MS = 60_000;
const LONG_AFTER_MS = 15 * 60_000;
/** Of a server that is away for weeks; it is back for everybody five minutes after it is back. */
const LATE_MS = 300_000;
const TELL_MS = 6 * 3_600_000;

export interface Missed {
  absence: Absence;
  /** say so in the log: the first tries, twice as many each time, and every six hours. Weeks are a hundred lines. */
  tell: boolean;
  /** have the whole program look into a refusal: as often as that is told, counted from the first one */
  lookInto: boolean;
  /** at most, until the next try */
  waitMs: number;
}

/** One more try was in vain. A clock that was set back begins anew. */
export function missed(before: Absence | null, now: number, refused = false): Missed {
  const { since, toldAt, tries: earlier, refusals: refusedBefore } = known(before, now);
  const tries = earlier + 1;
  const refusals = refusedBefore + Number(refused);
  const tell = isPowerOfTwo(tries) || now - toldAt >= TELL_MS;
  const most = now - since < LONG_AFTER_MS ? SOON_MS : LATE_MS;
  return {
    absence: { since, tries, refusals, toldAt: tell ? now : toldAt },
    tell,
    lookInto: refused && (tell || isPowerOfTwo(refusals)),
    waitMs: Math.min(FIRST_MS * 2 ** Math.min(tries - 1, 20), most),
  };
}

function known(before: Absence | null, now: number): Absence {
  if (before === null) return { since: now, tries: 0, refusals: 0, toldAt: now };
  return before.toldAt <= now && before.since <= now ? before : { ...before, since: now, toldAt: now };
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/** Between half and all of it, so that a thousand agents do not come back in the same second. */
export const spread = (ms: number, random: number): number => ms * (0.5 + random / 2);

/** What a line of the log says about it. */
export const absenceFields = ({
  since,
  tries,
}: Pick<Absence, 'since' | 'tries'>): { since: string; tries: number } => ({
  since: new Date(since).toISOString(),
  tries,
});
