import { setTimeout as sleep } from 'node:timers/promises';
import type { StepOutcome, Task } from '../../../model/plan.ts';
import { lookAt } from '../outside.ts';
import { failed, PAUSES_MS, type ServerStep, type StepSite } from './contract.ts';

/** A restarted service may need a moment; one that does not change in this time has not changed. */
const PATIENCE_MS = 20_000;

/** From outside: another key than the burnt one is served, the one that this host made, and the hole is gone. */
export const verifyServed: ServerStep<'verify-served'> = {
  async run(step, site) {
    const { deps, task, outcomes, beganAt } = site;
    const fresh = newKeys(task, outcomes, step.oldSpki);
    let judged: Judged = { ok: false, why: 'it was not looked at', after: {} };
    for (const pause of PAUSES_MS) {
      await sleep(pause);
      judged = await look(site, step, fresh);
      if (judged.ok) return { kind: 'done', changed: false, before: { spki: step.oldSpki }, after: judged.after };
    }
    if (deps.platform.now().getTime() - beganAt.getTime() < PATIENCE_MS) return { kind: 'wait', why: judged.why };
    return failed(judged.why, judged.after);
  },
};

interface Judged {
  ok: boolean;
  why: string;
  after: Record<string, unknown>;
}

/** Keys that the host made in this task to replace the old one; empty when the key had been replaced before. */
function newKeys(task: Task, outcomes: readonly StepOutcome[], oldSpki: string): string[] {
  return outcomes.flatMap((one) => {
    const step = task.steps[one.index];
    const made = one.phase === 'apply' && one.ok && step?.kind === 'rotate-key' && step.oldSpki === oldSpki;
    return made && typeof one.after['spki'] === 'string' ? [one.after['spki']] : [];
  });
}

async function look(
  site: StepSite,
  step: { address: string; port: number; oldSpki: string },
  fresh: readonly string[],
): Promise<Judged> {
  const seen = await lookAt(site.deps.discovery, step, site.task.hostId);
  if ('why' in seen) return { ok: false, why: seen.why, after: {} };
  const { verdict, reason } = seen.tls.heartbleed;
  const { spki, serial } = seen.leaf;
  const after = { spki, serial, heartbleed: verdict, reason, probedAt: seen.endpoint.probedAt };
  if (spki === step.oldSpki) return { ok: false, why: 'served key unchanged', after };
  if (fresh.length > 0 && !fresh.includes(spki)) {
    return { ok: false, why: 'the served key is neither the old one nor the one made for it', after };
  }
  if (verdict === 'safe') return { ok: true, why: '', after };
  const why = verdict === 'vulnerable' ? `still vulnerable: ${reason}` : `not proven to be safe: ${reason}`;
  return { ok: false, why, after };
}
