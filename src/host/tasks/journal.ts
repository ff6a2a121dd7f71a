import * as z from 'zod';
import { Sha256 } from '../../model/json.ts';
import { SignedOutcome } from '../../model/plan.ts';
import type { TaskHistory } from './verify.ts';

const Phase = z.enum(['apply', 'undo']);
const InTask = { assignment: z.string(), digest: Sha256, taskId: z.string() };
const Seen = z.record(z.string(), z.unknown());

/** Signed by the host's own key, or, where the server carries out the steps over SSH, by nobody: observed only. */
export const Told = SignedOutcome.extend({ signature: z.string().nullable() });
export type Told = z.infer<typeof Told>;

/** One line each, written and flushed before the next thing happens. */
export const JournalRecord = z.discriminatedUnion('t', [
  z.object({ t: z.literal('start'), ...InTask, mode: Phase, notAfter: z.string() }),
  /** about to change the host; `before` is what undoing needs */
  z.object({ t: z.literal('intent'), ...InTask, index: z.number(), phase: Phase, before: Seen }),
  z.object({ t: z.literal('done'), ...InTask, index: z.number(), phase: Phase, signed: Told }),
  z.object({ t: z.literal('end'), ...InTask }),
  z.object({
    t: z.literal('refused'),
    assignment: z.string(),
    taskId: z.string(),
    fingerprint: Sha256,
    code: z.string(),
    why: z.string(),
  }),
  /** the server has these: numbers of `done` and `refused` records */
  z.object({ t: z.literal('acked'), records: z.array(z.number()) }),
  z.object({ t: z.literal('settled'), digest: Sha256, taskId: z.string() }),
]);
export type JournalRecord = z.infer<typeof JournalRecord>;
export type Numbered<T extends JournalRecord['t']> = Extract<JournalRecord, { t: T }> & { n: number };

export interface StepMemory {
  /** of the first try, whatever came after */
  before: Record<string, unknown> | null;
  /** last finished apply */
  last: Numbered<'done'> | null;
  /** succeeded and not undone */
  done: boolean;
}
export interface TaskMemory extends TaskHistory {
  digest: string;
  taskId: string;
  notAfter: string;
  settled: boolean;
  steps: Map<number, StepMemory>;
}

/**
 * What has been begun and finished on a host. Append-only; a record is on the host's disk when `write` has answered. The
 * last line may be torn by a power cut: it was never acted on, so it is cut off.
 */
export abstract class Journal {
  readonly #tasks = new Map<string, TaskMemory>();
  readonly #started = new Set<string>();
  readonly #ended = new Map<string, Numbered<'done'>[]>();
  readonly #running = new Map<string, Numbered<'done'>[]>();
  readonly #pending = new Map<number, Numbered<'done'> | Numbered<'refused'>>();
  readonly #refused = new Map<string, Numbered<'refused'>>();
  #next = 0;

  /** Returns the record's number. */
  abstract write(record: JournalRecord): Promise<number>;

  /** Whole lines, as they stand in the file. */
  protected load(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.take(JournalRecord.parse(JSON.parse(line)));
  }

  task(digest: string, taskId: string): TaskMemory {
    const key = `${digest} ${taskId}`;
    const known = this.#tasks.get(key);
    if (known) return known;
    const fresh: TaskMemory = {
      digest,
      taskId,
      notAfter: '',
      begun: false,
      undone: false,
      settled: false,
      done: new Set(),
      steps: new Map(),
    };
    this.#tasks.set(key, fresh);
    return fresh;
  }

  tasks(): TaskMemory[] {
    return [...this.#tasks.values()].filter((task) => task.begun);
  }

  /** Was exactly this accepted before? The id alone says nothing: the server chooses it. */
  started({ id, digest, taskId, mode }: { id: string; digest: string; taskId: string; mode: string }): boolean {
    return this.#started.has(`${id} ${digest} ${taskId} ${mode}`);
  }

  /** What came out of an assignment that came to its end, or null: it is new, or was cut off. */
  ended({ id, digest }: { id: string; digest: string }): Numbered<'done'>[] | null {
    return this.#ended.get(`${id} ${digest}`) ?? null;
  }

  /** `fingerprint`: of all that was refused. Something else under the same id is judged anew. */
  refused(fingerprint: string): Numbered<'refused'> | null {
    return this.#refused.get(fingerprint) ?? null;
  }

  /** Outcomes and refusals that the server has not acknowledged, oldest first. */
  pending(): (Numbered<'done'> | Numbered<'refused'>)[] {
    return [...this.#pending.values()];
  }

  /** The server asks again for what it should have: it gets it again. */
  resend(records: readonly (Numbered<'done'> | Numbered<'refused'>)[]): void {
    for (const record of records) this.#pending.set(record.n, record);
  }

  /** It is on the disk: from now on it is known. */
  protected take(record: JournalRecord): number {
    const n = this.#next;
    this.#next += 1;
    if (record.t === 'acked') for (const acked of record.records) this.#pending.delete(acked);
    else if (record.t === 'refused') this.#takeRefused({ ...record, n });
    else if (record.t === 'settled') this.task(record.digest, record.taskId).settled = true;
    else if (record.t === 'end') {
      const key = `${record.assignment} ${record.digest}`;
      this.#ended.set(key, this.#running.get(key) ?? []);
      this.#running.delete(key);
    } else if (record.t === 'start') {
      this.#started.add(`${record.assignment} ${record.digest} ${record.taskId} ${record.mode}`);
      const task = this.task(record.digest, record.taskId);
      Object.assign(task, { begun: true, undone: task.undone || record.mode === 'undo', notAfter: record.notAfter });
    } else if (record.t === 'intent') this.#takeIntent(record);
    else this.#takeDone({ ...record, n });
    return n;
  }

  #takeRefused(record: Numbered<'refused'>): void {
    this.#refused.set(record.fingerprint, record);
    this.#pending.set(record.n, record);
  }

  #step(record: { digest: string; taskId: string; index: number }): StepMemory {
    const { steps } = this.task(record.digest, record.taskId);
    const known = steps.get(record.index) ?? { before: null, last: null, done: false };
    steps.set(record.index, known);
    return known;
  }

  #takeIntent(record: Extract<JournalRecord, { t: 'intent' }>): void {
    const step = this.#step(record);
    if (record.phase === 'apply') step.before ??= record.before;
  }

  #takeDone(record: Numbered<'done'>): void {
    const step = this.#step(record);
    const { ok, before } = record.signed.outcome;
    if (record.phase === 'apply') {
      step.last = record;
      // A step that found nothing to do has no intent.
      if (ok) step.before ??= before;
    }
    if (ok) step.done = record.phase === 'apply';
    const task = this.task(record.digest, record.taskId);
    task.done = new Set([...task.steps].filter(([, memory]) => memory.done).map(([index]) => index));
    const key = `${record.assignment} ${record.digest}`;
    this.#running.set(key, [...(this.#running.get(key) ?? []), record]);
    this.#pending.set(record.n, record);
  }
}

export const lineOf = (record: JournalRecord): string => `${JSON.stringify(record)}\n`;

/** How much of it are whole lines. */
export const wholeLength = (bytes: Uint8Array): number => bytes.lastIndexOf(0x0a) + 1;

/**
 * The same without tasks whose plans expired before `before`: they cannot come back, so nothing has to be remembered. Null
 * when there are none.
 */
export function compacted(text: string, before: string): string | null {
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean);
  const records = lines.map((line) => JournalRecord.safeParse(JSON.parse(line)).data ?? null);
  const old = new Set(
    records.flatMap((record) => (record?.t === 'start' && record.notAfter < before ? [keyOf(record)] : [])),
  );
  if (old.size === 0) return null;
  // Numbers are positions, so dropped lines leave a placeholder that says nothing.
  const kept = lines.map((line, index) => {
    const record = records[index];
    return record && 'digest' in record && old.has(keyOf(record)) ? '{"t":"acked","records":[]}' : line;
  });
  return `${kept.join('\n')}\n`;
}

const keyOf = (record: { digest: string; taskId: string }): string => `${record.digest} ${record.taskId}`;
