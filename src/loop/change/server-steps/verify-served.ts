import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../../model/estate.ts';
import type { StepOutcome, Task } from '../../../model/plan.ts';
import { failed, type Result, type ServerStep } from './contract.ts';

/** A restarted service may need a moment; one that does not change in this time has not changed. */
const PATIENCE_MS = 20_000;
const TRIES = 8;
const PAUSE_MS = 400;

/** From outside: another key than the burnt one is served, the one that this host made, and the hole is gone. */
export const verifyServed: ServerStep<'verify-served'> = {
  async run(step, { deps, task, outcomes, beganAt }) {
    const fresh = newKeys(task, outcomes, step.oldSpki);
    let judged: Judged = { ok: false, why: 'it was not looked at', after: {} };
    for (let tries = 0; tries < TRIES; tries++) {
      if (tries > 0) await sleep(PAUSE_MS);
      judged = await look(() => deps.discovery.probeNow(step.address, step.port), step.oldSpki, fresh);
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

async function look(probe: () => Promise<Endpoint>, oldSpki: string, fresh: readonly string[]): Promise<Judged> {
  const endpoint = await probe().catch((error: Error) => error);
  if (endpoint instanceof Error)
    return { ok: false, why: `looking from outside did not work: ${endpoint.message}`, after: {} };
  const tls = endpoint.probe?.protocol === 'tls' ? endpoint.probe : null;
  const leaf = tls?.chain[0];
  if (endpoint.state !== 'open' || endpoint.lastError !== null || !tls || !leaf) {
    return { ok: false, why: `no TLS service answered: ${endpoint.lastError ?? endpoint.state}`, after: {} };
  }
  const { verdict, reason } = tls.heartbleed;
  const after = { spki: leaf.spki, serial: leaf.serial, heartbleed: verdict, reason, probedAt: endpoint.probedAt };
  if (leaf.spki === oldSpki) return { ok: false, why: 'served key unchanged', after };
  if (fresh.length > 0 && !fresh.includes(leaf.spki)) {
    return { ok: false, why: 'the served key is neither the old one nor the one made for it', after };
  }
  if (verdict === 'safe') return { ok: true, why: '', after };
  const why = verdict === 'vulnerable' ? `still vulnerable: ${reason}` : `not proven to be safe: ${reason}`;
  return { ok: false, why, after };
}

export type { Result };
