import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { Assignment } from '../../model/agent.ts';
import { AppError } from '../../model/errors/index.ts';
import { isServerStep } from '../../model/kit.ts';
import { Plan, type Approval, type ApproverKey, type Task } from '../../model/plan.ts';
import { canonicalText, sha256 } from '../canonical.ts';
import { verifyEd25519 } from './signature.ts';

/** A chain that was started in time may end after it; not for ever, or an old plan would be a standing permission. */
export const GRACE_MS = 24 * 3_600_000;

/** What this host remembers of a task, from its own journal. */
export interface TaskHistory {
  begun: boolean;
  /** steps that succeeded and were not undone */
  done: ReadonlySet<number>;
  /** an undo was begun: this task never runs again */
  undone: boolean;
}

export interface Verifier {
  agentId: string;
  /** pinned when this agent enrolled */
  approvers: readonly ApproverKey[];
  now: Date;
  /** this very assignment was accepted before and cut off: it comes to its end, whatever is done of it */
  continuing?: boolean;
  history(digest: string, taskId: string): TaskHistory;
}

/**
 * May this be carried out here and now? The plan and the task it is about, or a refusal that says why not. Believes
 * nothing that the server says: only signatures by keys pinned at enrollment, the host's clock and the host's journal.
 */
export function verifyAssignment(assignment: Assignment, verifier: Verifier): { plan: Plan; task: Task } {
  const plan = readPlan(assignment);
  const task = plan.waves.flatMap((wave) => wave.tasks).find((candidate) => candidate.id === assignment.taskId);
  if (!task) throw new AppError('REFUSED_TASK_UNKNOWN', { task: assignment.taskId });
  if (task.agentId !== verifier.agentId)
    throw new AppError('REFUSED_OTHER_HOST', { task: task.id, agent: task.agentId });
  checkApprovals(plan, assignment, verifier.approvers);
  checkLeg(assignment, task);
  const history = verifier.history(assignment.digest, task.id);
  checkWindow(plan, history, verifier.now);
  if (assignment.mode === 'apply') checkApply(assignment, task, history, verifier.continuing ?? false);
  else checkUndo(assignment, task, history);
  return { plan, task };
}

const readPlan = (assignment: Assignment): Plan => readSigned(Plan, assignment.plan, assignment.digest);

/** A document that is what its digest says, in the one form that may be signed. */
export function readSigned<T>(schema: z.ZodType<T>, text: string, digest: string): T {
  const actual = sha256(text);
  if (actual !== digest) throw new AppError('REFUSED_PLAN_ALTERED', { actual, stated: digest });
  try {
    const json: unknown = JSON.parse(text);
    // One form only: otherwise two readers could see two plans in the same signed bytes (a key that stands twice).
    if (canonicalText(json) === text) return schema.parse(json);
  } catch (cause) {
    throw new AppError('REFUSED_PLAN_UNREADABLE', {}, { cause });
  }
  throw new AppError('REFUSED_PLAN_UNREADABLE');
}

/** Worst first: what is told when approvals are missing. */
const PROBLEMS = [
  'REFUSED_APPROVAL_FORGED',
  'REFUSED_APPROVAL_OTHER_PLAN',
  'REFUSED_APPROVAL_BY_AUTHOR',
  'REFUSED_APPROVAL_KEY_UNKNOWN',
] as const;
type Problem = (typeof PROBLEMS)[number];

/** What of a signed document says who may approve it. */
export type Approved = Pick<Plan, 'changeId' | 'author' | 'approvalsRequired'>;

/** Enough genuine approvals of this very document, by different people who are pinned and did not ask for it? */
export function checkApprovals(
  plan: Approved,
  assignment: { digest: string; approvals: readonly Approval[] },
  approvers: readonly ApproverKey[],
): void {
  const people = new Set<string>();
  const problems: { code: Problem; key: string }[] = [];
  for (const approval of assignment.approvals) {
    const judged = judge(approval, plan, assignment.digest, approvers);
    if ('person' in judged) people.add(judged.person);
    else problems.push({ code: judged.code, key: approval.statement.keyId });
  }
  if (people.size >= plan.approvalsRequired) return;
  for (const code of PROBLEMS) {
    const found = problems.find((problem) => problem.code === code);
    if (found) throw new AppError(code, { key: found.key });
  }
  throw new AppError('REFUSED_APPROVALS_MISSING', { needed: plan.approvalsRequired, have: people.size });
}

function judge(
  { statement, signature }: Approval,
  plan: Approved,
  digest: string,
  approvers: readonly ApproverKey[],
): { person: string } | { code: Problem } {
  const key = approvers.find((candidate) => candidate.keyId === statement.keyId);
  const raw = Buffer.from(key?.publicKey ?? '', 'base64');
  // The id is derived from the key, so that a pinned list with swapped ids does not help anyone.
  if (!key || keyIdOf(raw) !== key.keyId) return { code: 'REFUSED_APPROVAL_KEY_UNKNOWN' };
  if (!verifyEd25519(raw, Buffer.from(canonicalText(statement)), Buffer.from(signature, 'base64')))
    return { code: 'REFUSED_APPROVAL_FORGED' };
  if (statement.plan !== digest || statement.changeId !== plan.changeId) return { code: 'REFUSED_APPROVAL_OTHER_PLAN' };
  if (key.person === plan.author) return { code: 'REFUSED_APPROVAL_BY_AUTHOR' };
  return { person: key.person };
}

export const keyIdOf = (raw: Uint8Array): string => createHash('sha256').update(raw).digest('hex').slice(0, 16);

function checkLeg(assignment: Assignment, task: Task): void {
  const { from, to } = assignment;
  const steps = from >= 0 && from < to && to <= task.steps.length ? task.steps.slice(from, to) : [];
  if (steps.length === 0 || steps.some(isServerStep)) throw new AppError('REFUSED_LEG', { task: task.id, from, to });
}

function checkWindow(plan: Plan, history: TaskHistory, now: Date): void {
  if (now.getTime() < Date.parse(plan.notBefore))
    throw new AppError('REFUSED_TOO_EARLY', { notBefore: plan.notBefore });
  const end = Date.parse(plan.notAfter) + (history.begun ? GRACE_MS : 0);
  if (now.getTime() > end) throw new AppError('REFUSED_EXPIRED', { notAfter: plan.notAfter });
}

function hostSteps(task: Task, from: number, to: number): number[] {
  return task.steps.flatMap((step, index) => (index >= from && index < to && !isServerStep(step) ? [index] : []));
}

function checkApply(assignment: Assignment, task: Task, history: TaskHistory, continuing: boolean): void {
  const finished = hostSteps(task, 0, task.steps.length).every((index) => history.done.has(index));
  if (history.undone || (finished && !continuing)) throw new AppError('REFUSED_REPLAYED', { task: task.id });
  const missing = hostSteps(task, 0, assignment.from).find((index) => !history.done.has(index));
  if (missing !== undefined)
    throw new AppError('REFUSED_OUT_OF_ORDER', { task: task.id, index: missing, wanted: 'done' });
}

function checkUndo(assignment: Assignment, task: Task, history: TaskHistory): void {
  if (task.rollback !== 'undo' || !history.begun) throw new AppError('REFUSED_UNDO', { task: task.id });
  const later = hostSteps(task, assignment.to, task.steps.length).find((index) => history.done.has(index));
  if (later !== undefined)
    throw new AppError('REFUSED_OUT_OF_ORDER', { task: task.id, index: later, wanted: 'undone' });
}
