import { systemActor } from '../../../model/actor.ts';
import { isAppError } from '../../../model/errors/index.ts';
import type { ServerStepKind, StepOf } from '../../../model/kit.ts';
import { isServerStep } from '../../../model/kit.ts';
import type { Plan, StepOutcome } from '../../../model/plan.ts';
import type { Deps } from '../deps.ts';
import { storeOutcome } from '../outcomes.ts';
import { wakeFor } from '../rollout.ts';
import { lockChange, type ChangeRow } from '../store.ts';
import { outcomesOf, releaseAttempt, taskById, type Attempt } from '../store-tasks.ts';
import { failed, type Result, type ServerStep, type StepSite } from './contract.ts';
import { checkHealth } from './health.ts';
import { reissueCertificate } from './reissue-certificate.ts';
import { revokeCertificate } from './revoke-certificate.ts';
import { verifyRevoked } from './verify-revoked.ts';
import { verifyServed } from './verify-served.ts';

/** Every step that the server carries out itself, alphabetically. */
export const SERVER_STEPS = {
  'reissue-certificate': reissueCertificate,
  'revoke-certificate': revokeCertificate,
  'verify-revoked': verifyRevoked,
  'verify-served': verifyServed,
} satisfies { [K in ServerStepKind]: ServerStep<K> };

export interface Claimed extends Attempt {
  change: ChangeRow;
  plan: Plan;
}

const ACTOR = systemActor('change.advance');
/** An authority that does not answer is asked again for this long. */
const OUTAGE_MS = 2 * 60_000;

/** Carries out one claimed step and writes its outcome down. `waiting`: it is to be tried again. */
export async function workOn(deps: Deps, claimed: Claimed): Promise<'finished' | 'waiting'> {
  const { change, plan, taskId, index } = claimed;
  const waveIndex = plan.waves.findIndex((one) => one.tasks.some((task) => task.id === taskId));
  const wave = plan.waves[waveIndex]!;
  const task = wave.tasks.find((one) => one.id === taskId)!;
  const startedAt = deps.platform.now().toISOString();
  const outcomes = (await outcomesOf(deps.platform.db, [taskId])).map((one) => one.outcome);
  const site: StepSite = {
    deps,
    change,
    plan,
    task,
    index,
    outcomes,
    beganAt: claimed.beganAt,
    attempts: claimed.attempts,
  };
  const result = await attempt(site);
  return deps.platform.observe(ACTOR, async (tx) => {
    // Who holds the lock decides: a change that was cancelled meanwhile still gets its outcome written down.
    const locked = (await lockChange(tx.db, change.id))!;
    if (result.kind === 'wait') {
      await releaseAttempt(tx.db, claimed, tx.now, result.why);
      return 'waiting';
    }
    const outcome: StepOutcome = {
      taskId,
      index,
      kind: task.steps[index]?.kind ?? 'health',
      phase: 'apply',
      ok: result.kind === 'done',
      changed: result.changed,
      startedAt,
      finishedAt: tx.now.toISOString(),
      before: result.before,
      after: result.after,
      error: result.error ?? null,
    };
    const digest = (await taskById(tx.db, taskId))!.digest;
    const stored = await storeOutcome(tx, {
      change: { ...locked, planDigest: digest },
      task,
      wave: wave.name,
      outcome,
      signed: null,
    });
    if (stored) await result.keep?.(tx);
    if (stored) await wakeFor(tx, task);
    return 'finished';
  });
}

async function attempt(site: StepSite): Promise<Result> {
  const step = site.task.steps[site.index];
  try {
    if (!step) return await checkHealth(site);
    if (!isServerStep(step)) return failed(`${step.kind} is not a step of the server`);
    const kind = SERVER_STEPS[step.kind] as ServerStep<ServerStepKind>;
    return await kind.run(step as StepOf<ServerStepKind>, site);
  } catch (error) {
    const why = (error as Error).message;
    const patient = site.deps.platform.now().getTime() - site.beganAt.getTime() < OUTAGE_MS;
    // No refusal of anybody's, so a database that is away, say: that is no step that failed. The job comes again.
    if (patient && !isAppError(error)) throw error;
    const outage = isAppError(error, 'AUTHORITY_UNREACHABLE');
    return outage && patient ? { kind: 'wait', why } : failed(why);
  }
}
