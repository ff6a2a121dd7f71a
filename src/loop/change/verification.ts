import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor } from '../../model/actor.ts';
import type { Facts } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import { ENDS_BY_ITSELF } from '../../model/in-force.ts';
import type { Json } from '../../model/json.ts';
import type { Plan, StepOutcome, Task } from '../../model/plan.ts';
import type { Tx } from '../../platform/context.ts';
import { inParallel } from '../../model/parallel.ts';
import type { LookedAt } from '../audit/index.ts';
import { changeSubject, hostsOf, type Deps } from './deps.ts';
import { lookAt } from './outside.ts';
import { heldBy, release } from './planning.ts';
import { taskViews } from './rollout.ts';
import { changeById, lockChange, updateChange, type ChangeRow, type Verification } from './store.ts';
import { planOf } from './plans.ts';

const ACTOR = systemActor('change.verify');
/** How long hosts have to send fresh facts and findings to close. */
const PATIENCE_MS = 3 * 60_000;
/** One stretch of looking; then the worker is free for others, and it goes on with the next job. */
const STRETCH_MS = 10_000;
/** Between two looks: soon at first, seldom when it takes long. */
const SOON_MS = 400;
const SELDOM_MS = 5000;
const LOOKS_AT_ONCE = 8;
/** What a host must have told anew, all of it: a fresh list of sockets says nothing about processes. */
const SECTIONS = ['packages', 'processes', 'services', 'sockets'] as const;

/** Running → verifying: what hosts have sent until now does not count, they are asked to look again. */
export async function beginVerification(deps: Deps, changeId: string): Promise<void> {
  const { platform, audit } = deps;
  const found = await changeById(platform.db, changeId);
  if (!found?.planDigest) return;
  const plan = await planOf(platform.db, found.planDigest);
  const looked = await audit.lookedAt(hostIdsOf(tasksOf(plan)), SECTIONS);
  const facts: Verification['facts'] = Object.fromEntries(looked.map((one) => [one.hostId, timesOf(one)]));
  await platform.observe(ACTOR, async (tx) => {
    const change = await lockChange(tx.db, changeId);
    if (change?.state !== 'running' || change.wavesDone < plan.waves.length || change.stopping !== null) return;
    for (const { hostId } of tasksOf(plan)) await audit.requestFacts(tx, hostId);
    const until = new Date(tx.now.getTime() + PATIENCE_MS).toISOString();
    const verification = { since: tx.now.toISOString(), until, facts };
    await updateChange(tx.db, changeId, { state: 'verifying', verification }, tx.now);
    await tx.record({
      type: 'change.verification.started',
      subject: changeSubject(change),
      related: hostsOf(plan),
      detail: { findings: change.findings, until },
    });
    await tx.publish('changes', { changeId });
  });
}

/** After a pause hosts have as long as ever. */
export function prolonged(verification: Verification | null, now: Date): Verification | null {
  return verification && { ...verification, until: new Date(now.getTime() + PATIENCE_MS).toISOString() };
}

const tasksOf = (plan: Plan): Task[] => plan.waves.flatMap((wave) => wave.tasks);

const hostIdsOf = (tasks: readonly Task[]): string[] => tasks.map((task) => task.hostId);

const timesOf = ({ meta }: LookedAt): Record<string, string> =>
  Object.fromEntries(SECTIONS.flatMap((name) => (meta[name] ? [[name, meta[name].collectedAt]] : [])));

interface Seen {
  endpoints: { endpoint: string; heartbleed: string; spkiBefore: string | null; spkiAfter: string | null }[];
  findings: Finding[];
  /** what is not yet as it should be, in words; empty when all is proven */
  open: string[];
}

/** Fresh facts from inside, a fresh look from outside, all checks again: closed means proven. */
export async function verify(deps: Deps, changeId: string): Promise<void> {
  const started = deps.platform.now().getTime();
  const proven: Proven = { inside: new Set(), outside: new Map(), judged: new Set() };
  for (;;) {
    const change = await changeById(deps.platform.db, changeId);
    if (change?.state !== 'verifying' || !change.verification) return;
    const plan = await planOf(deps.platform.db, change.planDigest!);
    const seen = await look(deps, change, plan, proven);
    if (seen.open.length === 0) return close(deps, change, plan, seen, 'closed');
    const now = deps.platform.now().getTime();
    if (now > Date.parse(change.verification.until)) return close(deps, change, plan, seen, 'failed');
    if (now - started > STRETCH_MS) break;
    await sleep(Math.min(SELDOM_MS, Math.max(SOON_MS, (now - Date.parse(change.verification.since)) / 5)));
  }
  const options = { startAfterSeconds: 1, singletonKey: `${changeId} again` };
  await deps.platform.queue.enqueue('change.advance', { changeId }, options);
}

/** What was seen to be right since verification began: no need to look at it again. */
interface Proven {
  /** hosts */
  inside: Set<string>;
  /** listeners */
  outside: Map<string, Seen['endpoints'][number]>;
  /** hosts that were judged since */
  judged: Set<string>;
}

async function look(deps: Deps, change: ChangeRow, plan: Plan, proven: Proven): Promise<Seen> {
  const open = await lookInside(deps, change, plan, proven);
  // The outside is looked at once the inside has answered: a probe a second would be no kindness to the services.
  if (open.length > 0) return { endpoints: [], findings: [], open };
  const endpoints = await lookAround(deps, plan, proven, open);
  const findings = await judgeAgain(deps, change, plan, proven);
  open.push(...findings.filter((finding) => finding.state !== 'fixed' && !isBeyond(finding, change)).map(sayOpen));
  const lost = change.findings.filter((id) => !findings.some((finding) => finding.id === id));
  open.push(...lost.map((id) => `finding ${id} cannot be found any more`));
  return { endpoints, findings, open };
}

async function lookAround(deps: Deps, plan: Plan, proven: Proven, open: string[]): Promise<Seen['endpoints']> {
  const endpoints = new Map(proven.outside);
  const steps = tasksOf(plan)
    .flatMap(({ hostId, hostName, steps }) => steps.map((step) => ({ hostId, hostName, step })))
    .flatMap(({ step, ...host }) => (step.kind === 'verify-served' ? [{ ...step, ...host }] : []))
    .filter(({ address, port }) => !endpoints.has(`${address}:${port}`));
  await inParallel(steps, LOOKS_AT_ONCE, async (step) => {
    const { seen, why } = await lookOutside(deps, step, step.hostId);
    endpoints.set(seen.endpoint, seen);
    if (why === null) proven.outside.set(seen.endpoint, seen);
    else open.push(`${step.hostName}: ${why}`);
  });
  return [...endpoints.values()];
}

/** Every host once by its new facts; then those again whose findings are not proven fixed yet. */
async function judgeAgain(deps: Deps, change: ChangeRow, plan: Plan, proven: Proven): Promise<Finding[]> {
  const open = (await findingsOf(deps, change)).filter((finding) => finding.state !== 'fixed');
  const again = new Set(open.map((finding) => finding.hostId));
  for (const hostId of await unjudged(deps, plan, proven)) again.add(hostId);
  for (const hostId of again) {
    await deps.audit.auditHost(hostId);
    proven.judged.add(hostId);
  }
  return findingsOf(deps, change);
}

/** Facts are judged when they come: who was, by all of them, need not be again, unless its listeners were looked at since. */
async function unjudged({ audit }: Deps, plan: Plan, proven: Proven): Promise<string[]> {
  const left = tasksOf(plan).filter((task) => !proven.judged.has(task.hostId));
  for (const { hostId, meta, judgedUntil } of await audit.lookedAt(hostIdsOf(left), SECTIONS)) {
    const received = Object.values(meta).map((one) => one.receivedAt ?? '');
    if (judgedUntil !== null && received.every((at) => at <= judgedUntil)) proven.judged.add(hostId);
  }
  const isServing = (task: Task): boolean => task.steps.some((step) => step.kind === 'verify-served');
  return hostIdsOf(left.filter((task) => isServing(task) || !proven.judged.has(task.hostId)));
}

const findingsOf = async (deps: Deps, { findings }: ChangeRow): Promise<Finding[]> =>
  findings.length > 0 ? deps.audit.findings({ ids: findings }) : [];

/**
 * All that the change could do is done: what keeps the finding open is ended by a boot, which is a change of its own, or by a
 * person. It goes on being open, and says so.
 */
function isBeyond({ evidence, lastSeenAt }: Finding, { verification }: ChangeRow): boolean {
  if (verification === null || lastSeenAt < verification.since) return false;
  const needs = evidence['needs'];
  return Array.isArray(needs) && needs.length > 0 && !ENDS_BY_ITSELF.some((one) => needs.includes(one));
}

const sayOpen = (finding: Finding): string =>
  `${finding.hostName}: ${finding.title}${finding.endpoint ? ` at ${finding.endpoint}` : ''} is ${finding.state}` +
  (finding.pending ? ` (${finding.pending})` : '');

/** Hosts that nothing is known against since verification began are proven. */
async function lookInside({ audit }: Deps, change: ChangeRow, plan: Plan, proven: Proven): Promise<string[]> {
  const left = tasksOf(plan).filter((task) => !proven.inside.has(task.hostId));
  const looked = new Map((await audit.lookedAt(hostIdsOf(left), SECTIONS)).map((one) => [one.hostId, one.meta]));
  const stale = left.flatMap((task) => {
    const before = change.verification?.facts[task.hostId] ?? {};
    const why = staleness(task, looked.get(task.hostId) ?? {}, before);
    return why === null ? [] : [{ task, why }];
  });
  const fresh = left.filter((task) => stale.every((one) => one.task !== task));
  const services = new Map(
    (await audit.factsOf(hostIdsOf(fresh), ['services'])).map((one) => [one.hostId, one.sections.services]),
  );
  const notRunning = fresh.flatMap((task) => {
    const why = unhealthy(task, services.get(task.hostId));
    if (why.length === 0) proven.inside.add(task.hostId);
    return why;
  });
  return [...stale.map(({ why }) => why), ...notRunning];
}

function staleness({ hostName }: Task, meta: LookedAt['meta'], before: Record<string, string>): string | null {
  const stale = SECTIONS.filter((name) => !meta[name] || meta[name].collectedAt === before[name]);
  if (stale.length === 0) return null;
  const errors = stale.flatMap((name) => (meta[name]?.error ? [`${name} could not be read: ${meta[name].error}`] : []));
  return `${hostName}: no fresh facts yet (${errors.length > 0 ? errors.join('; ') : stale.join(', ')})`;
}

const unhealthy = ({ hostName, health }: Task, services: Facts['services'] | undefined): string[] =>
  health.flatMap((one) => {
    if (one.kind !== 'service') return [];
    const state = services?.find((service) => service.name === one.name)?.state ?? 'unknown';
    return state === 'running' ? [] : [`${hostName}: ${one.name} is ${state}`];
  });

type VerifyStep = { address: string; port: number; oldSpki: string };

async function lookOutside(
  deps: Deps,
  step: VerifyStep,
  hostId: string,
): Promise<{ seen: Seen['endpoints'][number]; why: string | null }> {
  const endpoint = `${step.address}:${step.port}`;
  const outside = await lookAt(deps.discovery, step, hostId);
  if ('why' in outside) {
    return {
      seen: { endpoint, heartbleed: 'unknown', spkiBefore: step.oldSpki, spkiAfter: null },
      why: `${endpoint}: ${outside.why}`,
    };
  }
  const { verdict, reason } = outside.tls.heartbleed;
  const spkiAfter = outside.leaf.spki;
  const seen = { endpoint, heartbleed: verdict, spkiBefore: step.oldSpki, spkiAfter };
  if (spkiAfter === step.oldSpki) return { seen, why: `${endpoint} serves the old key` };
  return { seen, why: verdict === 'safe' ? null : `${endpoint} is ${verdict}: ${reason}` };
}

async function close(
  deps: Deps,
  change: ChangeRow,
  plan: Plan,
  seen: Seen,
  outcome: 'closed' | 'failed',
): Promise<void> {
  const { impact } = deps;
  const held = await heldBy(deps, change);
  await deps.platform.observe(ACTOR, async (tx) => {
    const locked = await lockChange(tx.db, change.id);
    if (locked?.state !== 'verifying') return;
    const views = await taskViews(tx.db, change.planDigest!, plan);
    const outcomes: StepOutcome[] = views.flatMap((view) => [...view.outcomes]);
    const observed = impact.observed(tasksOf(plan), outcomes, plan.impact);
    const why = outcome === 'failed' ? `not proven to be fixed: ${seen.open.join('; ')}` : null;
    await updateChange(tx.db, change.id, { state: outcome, observed, why }, tx.now);
    await release(deps, tx, held);
    await recordClosing(tx, change, plan, seen, {
      outcome,
      why,
      observed,
      predicted: plan.impact,
      differences: impact.differences(plan.impact, observed),
    });
    await follow(tx, change, plan);
  });
}

async function recordClosing(tx: Tx, change: ChangeRow, plan: Plan, seen: Seen, detail: object): Promise<void> {
  const subject = changeSubject(change);
  const related = hostsOf(plan);
  const findings = seen.findings.map(({ id, state, hostName, endpoint, check, pending }) => ({
    id,
    state,
    host: hostName,
    endpoint,
    check,
    pending,
  }));
  const verified = { endpoints: seen.endpoints, findings, open: seen.open };
  await tx.record({ type: 'change.change.verified', subject, related, detail: plainJson(verified) });
  await tx.record({ type: 'change.change.closed', subject, related, detail: plainJson(detail) });
}

/** Without what is undefined. */
const plainJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

async function follow(tx: Tx, change: ChangeRow, plan: Plan): Promise<void> {
  await tx.publish('changes', { changeId: change.id });
  await tx.enqueue('trail.document', { kind: 'change', id: change.id }, { singletonKey: change.id });
  for (const { hostId } of tasksOf(plan)) {
    await tx.enqueue('trail.document', { kind: 'host', id: hostId }, { singletonKey: hostId });
  }
  await tx.enqueue('trail.document', { kind: 'campaign', id: change.kit }, { singletonKey: `campaign ${change.kit}` });
  await tx.enqueue('change.campaign', { kit: change.kit }, { singletonKey: change.kit });
}
