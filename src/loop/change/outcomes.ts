import type { Json } from '../../model/json.ts';
import type { SignedOutcome, StepOutcome, Task } from '../../model/plan.ts';
import type { Tx } from '../../platform/context.ts';
import { changeSubject, hostSubject } from './deps.ts';
import { stepName } from './logic/rollout.ts';
import type { ChangeRow } from './store.ts';
import { insertOutcome, touchTask } from './store-tasks.ts';

export interface OutcomeOf {
  change: ChangeRow;
  task: Task;
  wave: string;
  outcome: StepOutcome;
  /** null: the server did it itself, or over SSH */
  signed: SignedOutcome | null;
  /** a step of a host without an agent, which the server carried out and observed: by this access */
  overSsh?: string;
}

/** Once: the second report of the same step changes nothing. False when it was known. */
export async function storeOutcome(
  tx: Tx,
  { change, task, wave, outcome, signed, overSsh }: OutcomeOf,
): Promise<boolean> {
  const digest = change.planDigest!;
  const stored = { outcome, agentId: signed?.agentId ?? null, signature: signed?.signature ?? null };
  if (!(await insertOutcome(tx.db, signed?.plan ?? digest, stored, tx.now))) return false;
  await touchTask(tx.db, task.id, tx.now);
  const { index, phase, ok, before, after, error } = outcome;
  const proof = signed
    ? { signedBy: { agentId: signed.agentId }, signed: { ...signed }, signature: signed.signature }
    : { signedBy: 'server', ...(overSsh === undefined ? {} : { overSsh }) };
  const detail = {
    wave,
    host: task.hostName,
    step: stepName(task, index),
    index,
    phase,
    ok,
    before,
    after,
    error,
    digest: signed?.plan ?? digest,
    ...proof,
  };
  await tx.record({
    type: 'change.step.finished',
    subject: changeSubject(change),
    related: [hostSubject(task)],
    // What a host reports is JSON by its schema; undefined has no place in what is hashed.
    detail: JSON.parse(JSON.stringify(detail)) as Json,
  });
  await tx.enqueue('change.advance', { changeId: change.id }, { singletonKey: change.id });
  await tx.publish('changes', { changeId: change.id });
  return true;
}
