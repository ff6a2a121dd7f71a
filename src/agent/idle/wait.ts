import type { CheckInReply, TasksReply } from '../../model/agent.ts';
import { elapsedMs } from '../elapsed.ts';
import type { Answer, Asked } from '../https.ts';
import type { Log } from '../log.ts';
import { absenceFields, missed, spread } from './absence.ts';
import { gist, type Handover } from './handover.ts';

export interface Waiter {
  handed: Handover;
  /** throws when there is no answer */
  ask(method: 'GET' | 'POST', path: string, given: Asked): Promise<Answer>;
  /** does the trail still continue what was seen? */
  trailIsSound(): Promise<boolean>;
  /** looks at the host beside this, and says what was sent and when; throws when it broke off */
  look(): Promise<Looked>;
  /** how to begin anew, where what runs here was replaced; null: no need to */
  outdated(): Promise<'again' | 'with-supervisor' | null>;
  log: Log;
  signal: AbortSignal;
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface Looked {
  sent: string[];
  factsAt: number;
  listsAt: number;
  wholeAt: number;
  subnets: string[];
}

/** `again`, `with-supervisor`: what runs here was replaced. */
export type Woken = 'stopped' | 'work' | 'again' | 'with-supervisor';

/** What the server said that is no answer: it is away, or refuses. */
class Unwilling extends Error {
  readonly refused: boolean;
  constructor({ status, text }: Answer) {
    super(`it answered ${status} ${codeIn(text)}`.trim());
    this.refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
  }
}

interface Waiting extends Waiter {
  checkedInAt: number;
  looking: Promise<void> | null;
  /** the server wants fresh facts, and forgot that when it said so */
  asked: boolean;
  /** looks that broke off one after the other */
  broken: number;
}

/**
 * The agent while nothing happens: it checks in, looks at the trail, has the host looked at, and holds a poll. It judges
 * nothing: whatever it does not know already is work, and the whole program takes its place.
 */
export async function wait(given: Waiter): Promise<Woken> {
  const waiting: Waiting = { ...given, checkedInAt: given.now(), looking: null, asked: false, broken: 0 };
  if (given.handed.absence !== null) await waitOut(waiting);
  while (!given.signal.aborted) {
    const woken = await turn(waiting).catch((error: unknown) => goOnWithout(waiting, error as Error));
    if (woken === 'work') return endLook(waiting);
    if (woken !== null) return woken;
  }
  return 'stopped';
}

/** Null: nothing happened. */
async function turn(waiting: Waiting): Promise<Woken | null> {
  const { handed, signal } = waiting;
  const isBack = handed.absence !== null;
  if (isBack || elapsed(waiting, waiting.checkedInAt) >= handed.pollSeconds) if (await checkIn(waiting)) return 'work';
  if (isBack || waiting.now() >= wakeAt(handed)) return 'work';
  const outdated = await lookIfDue(waiting);
  if (outdated !== null) return outdated;
  const left = waiting.looking === null ? factsDue(waiting) : handed.factsSeconds;
  const seconds = Math.max(1, Math.ceil(Math.min(handed.pollSeconds, left)));
  const { assignments, refreshFacts } = await answerOf<TasksReply>(waiting, 'GET', `/tasks?wait=${seconds}`, {
    timeoutMs: (seconds + 20) * 1000,
    signal,
  });
  waiting.asked ||= refreshFacts === true;
  return Array.isArray(assignments) && assignments.length === 0 && refreshFacts === false ? null : 'work';
}

const wakeAt = ({ renewAt, settleAt }: Handover): number => Math.min(renewAt, settleAt ?? Infinity);
const elapsed = ({ now }: Waiting, since: number): number => elapsedMs(now(), since) / 1000;
const factsDue = (waiting: Waiting): number =>
  waiting.handed.factsSeconds - elapsed(waiting, waiting.handed.times.factsAt);

/** Looks with what is installed now; a program whose files were replaced meanwhile begins anew instead. */
async function lookIfDue(waiting: Waiting): Promise<Woken | null> {
  if (waiting.looking !== null || factsDue(waiting) > 0) return null;
  const outdated = await waiting.outdated();
  if (outdated === null) waiting.looking = startLook(waiting);
  return outdated;
}

async function checkIn(waiting: Waiting): Promise<boolean> {
  const { handed, signal } = waiting;
  const reply = await answerOf<CheckInReply>(waiting, 'POST', '/check-in', { body: handed.checkIn, signal });
  waiting.checkedInAt = waiting.now();
  if (gist(reply) !== handed.answered || (reply.patrol ?? null) !== null) return true;
  // A server without a trail to show is no reason to be silent, only to carry out nothing.
  return !(await waiting.trailIsSound().catch(() => true));
}

async function answerOf<T>(waiting: Waiting, method: 'GET' | 'POST', path: string, given: Asked): Promise<Partial<T>> {
  const answer = await waiting.ask(method, path, given);
  if (answer.status >= 400) throw new Unwilling(answer);
  return ((JSON.parse(answer.text) as Partial<T> | null) ?? {}) as Partial<T>;
}

/** Without the server, for now. What it refuses, the whole program looks into; less and less often. */
async function goOnWithout(waiting: Waiting, error: Error): Promise<Woken | null> {
  if (waiting.signal.aborted) return null;
  const refused = error instanceof Unwilling && error.refused;
  const { absence, tell, lookInto, waitMs } = missed(waiting.handed.absence, waiting.now(), refused);
  waiting.handed.absence = absence;
  if (tell) waiting.log.warn('The server is away', { why: error.message, ...absenceFields(absence) });
  await waiting.sleep(spread(waitMs, Math.random()));
  return lookInto ? 'work' : null;
}

/** The whole program met it; it is not asked again at once. */
async function waitOut(waiting: Waiting): Promise<void> {
  const { tries } = waiting.handed.absence!;
  const before = { ...waiting.handed.absence!, tries: tries - 1 };
  await waiting.sleep(spread(missed(before, waiting.now()).waitMs, Math.random()));
}

const AGAIN_SECONDS = 60;

function startLook(waiting: Waiting): Promise<void> {
  const { handed, log } = waiting;
  const looked = waiting.look().then(
    ({ sent, subnets, ...times }) => {
      waiting.broken = 0;
      handed.times = { ...handed.times, ...times };
      if (handed.checkIn.subnets) handed.checkIn.subnets = subnets;
      if (sent.length > 0) log.info('Facts reported', { sent: sent.join(' ') });
    },
    (error: unknown) => {
      // Never ahead of the clock, where looks are closer together than that.
      const again = Math.min(AGAIN_SECONDS * 2 ** waiting.broken, handed.factsSeconds);
      waiting.broken = Math.min(waiting.broken + 1, 20);
      handed.times.factsAt = waiting.now() - (handed.factsSeconds - again) * 1000;
      if (!waiting.signal.aborted) log.warn('A look broke off', { why: (error as Error).message });
    },
  );
  return looked.finally(() => (waiting.looking = null));
}

/** Two never look at a time. Whoever says nothing for minutes counts as lost. */
async function endLook(waiting: Waiting): Promise<Woken> {
  while (waiting.looking !== null && !waiting.signal.aborted) {
    await Promise.race([waiting.looking, waiting.sleep(waiting.handed.pollSeconds * 1000)]);
    if (waiting.looking !== null) await checkIn(waiting).catch(() => {});
  }
  // After the last look, which began before it was asked: the whole program looks at everything, first of all.
  if (waiting.asked) waiting.handed.times = { ...waiting.handed.times, factsAt: 0, wholeAt: 0 };
  return waiting.signal.aborted ? 'stopped' : 'work';
}

function codeIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown } };
    return typeof error?.code === 'string' ? error.code.slice(0, 100) : '';
  } catch {
    return '';
  }
}
