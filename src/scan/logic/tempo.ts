/**
 * How fast a scan goes within what it may: the pace falls by half when packets get lost and comes back step by step
 * (additive increase, multiplicative decrease). Two things say that packets get lost: an answer that came to a later try
 * and not to the first, and silence where the address answered before, more of it than that address has shown so far.
 * Times in ms, passed in.
 */
export interface Tempo {
  /** a second; what it never exceeds */
  readonly asked: number;
  now: number;
  why: string;
  /** how often it fell so far */
  falls: number;
  /** when the counts below began */
  since: number;
  /** until then, answers are to packets that were sent at the earlier pace */
  deafUntil: number;
  counts: Counts;
}

interface Counts {
  /** answers that came, to whichever try */
  answered: number;
  /** of these, to a later try, though the first would have been in time for it */
  lost: number;
  /** tries that ended at addresses that answered before */
  known: number;
  /** of these, the silent ones; how many were to be expected; and how far chance may carry that */
  silent: number;
  expected: number;
  variance: number;
}

/** What an address has shown so far: silence at some ports is what a packet filter does, and no loss. */
export interface Shown {
  answered: number;
  silent: number;
}

const JUDGE_MS = 1000;
/** Sent before the pace fell, and waiting for a second try. */
const DEAF_MS = 1500;
const FEWEST = 30;
const LOST_SHARE = 0.05;
const FEWEST_LOST = 3;
const SURPLUS_SHARE = 0.1;
/** Standard deviations that chance does not explain. */
const SURPLUS_SIGMA = 4;
const STEP = 1 / 20;
const SLOWEST = 1 / 32;
/** However lossy, a scan goes on. */
const FLOOR = 5;

export const FULL_PACE = 'as asked for';

export function newTempo(asked: number, at: number): Tempo {
  return { asked, now: asked, why: FULL_PACE, falls: 0, since: at, deafUntil: at, counts: noCounts() };
}

const noCounts = (): Counts => ({ answered: 0, lost: 0, known: 0, silent: 0, expected: 0, variance: 0 });

/** An answer came. `wasLost`: to a later try, though the first would have been in time for it. */
export function observeAnswer(tempo: Tempo, wasLost: boolean): void {
  tempo.counts.answered += 1;
  if (wasLost) tempo.counts.lost += 1;
}

/**
 * What came of one port at last, and what its address had shown before. To be told in the order in which the ports were
 * asked, which is random: silence is known later than answers are, and would look like a rise.
 */
export function observeEnd({ counts }: Tempo, isSilent: boolean, shown: Shown): void {
  if (shown.answered === 0) return;
  const chance = (shown.silent + 0.5) / (shown.answered + shown.silent + 1);
  counts.known += 1;
  counts.silent += isSilent ? 1 : 0;
  counts.expected += chance;
  counts.variance += chance * (1 - chance);
}

/** Judges what was observed, now and then; true when the pace changed. */
export function judge(tempo: Tempo, at: number): boolean {
  if (at < tempo.deafUntil) {
    startOver(tempo, at);
    return false;
  }
  if (at - tempo.since < JUDGE_MS) return false;
  const loss = lossOf(tempo.counts);
  if (loss) return fall(tempo, loss, at);
  const isEnough = Math.max(tempo.counts.answered, tempo.counts.known) >= FEWEST || at - tempo.since >= 3 * JUDGE_MS;
  return isEnough ? rise(tempo, at) : false;
}

function lossOf({ answered, lost, known, silent, expected, variance }: Counts): string | null {
  if (lost >= FEWEST_LOST && lost / answered > LOST_SHARE && answered >= FEWEST)
    return `${share(lost / answered)} of the answers came only when asked again`;
  const surplus = silent - expected;
  if (known >= FEWEST && surplus / known > SURPLUS_SHARE && surplus > SURPLUS_SIGMA * Math.sqrt(variance + 1))
    return `${share(surplus / known)} more silence than before where addresses had answered`;
  return null;
}

const share = (part: number): string => `${Math.round(part * 100)} %`;

function fall(tempo: Tempo, why: string, at: number): boolean {
  const before = tempo.now;
  tempo.falls += 1;
  tempo.now = Math.max(Math.min(tempo.asked, FLOOR), tempo.asked * SLOWEST, tempo.now / 2);
  tempo.why = `packets get lost: ${why}`;
  tempo.deafUntil = at + DEAF_MS;
  startOver(tempo, at);
  return tempo.now !== before;
}

function rise(tempo: Tempo, at: number): boolean {
  const before = tempo.now;
  tempo.now = Math.min(tempo.asked, tempo.now + tempo.asked * STEP);
  if (tempo.now === tempo.asked) tempo.why = FULL_PACE;
  startOver(tempo, at);
  return tempo.now !== before;
}

function startOver(tempo: Tempo, at: number): void {
  tempo.since = at;
  tempo.counts = noCounts();
}
