import { randomBytes } from 'node:crypto';
import type { Actor } from '../../model/actor.ts';
import type { Change } from '../../model/change.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Json } from '../../model/json.ts';
import type { Plan } from '../../model/plan.ts';
import { changeSubject, hostsOf, type Deps } from './deps.ts';
import { gather, type Gathered } from './gather.ts';
import { canonical, sha256 } from './logic/canonical.ts';
import { assemblePlan, planTasks, type Left } from './logic/planner.ts';
import { TemplateError } from './logic/template.ts';
import { lookAgain } from './settled.ts';
import { changeById, insertChange, insertPlan, lockChange, updateChange, type Asked, type ChangeRow } from './store.ts';
import { hostsUnderWay, insertTasks, lockPlanning } from './store-tasks.ts';
import { viewChange } from './view.ts';

const DAY_MS = 86_400_000;
/** How long a plan may wait for approvals and its window, unless somebody says otherwise. */
const VALID_DAYS = 7;

export interface ChangeInput extends Partial<Asked> {
  kit?: string | undefined;
  title: string;
  reason: string;
}

export interface Planned {
  change: Change;
  left: Left[];
}

export async function createChange(deps: Deps, actor: Actor, input: ChangeInput): Promise<Planned> {
  const { platform } = deps;
  const kit = input.kit ?? (await kitOf(deps, input.findings ?? []));
  const now = platform.now();
  const change: ChangeRow = {
    id: platform.newId('change'),
    title: input.title,
    reason: input.reason,
    kit,
    state: 'draft',
    pausedFrom: null,
    stopping: null,
    author: actor.id,
    authorName: actor.name,
    asked: {
      findings: input.findings ?? null,
      hosts: input.hosts ?? null,
      notBefore: input.notBefore ?? null,
      notAfter: input.notAfter ?? null,
      abortAfterFailures: input.abortAfterFailures ?? 0,
    },
    findings: [],
    left: [],
    planDigest: null,
    wavesDone: 0,
    observed: null,
    why: null,
    startAt: null,
    verification: null,
    createdAt: now,
    updatedAt: now,
  };
  const made = await makePlan(deps, change, actor);
  await platform.observe(actor, async (tx) => {
    await insertChange(tx.db, change);
    await tx.record({
      type: 'change.change.created',
      subject: changeSubject(change),
      related: hostsOf(made.plan),
      reason: input.reason,
      detail: { title: input.title, kit, findings: made.findings },
    });
    await storePlan(deps, tx, change, made);
  });
  return { change: await viewChange(deps, change.id), left: made.left };
}

async function kitOf(deps: Deps, ids: string[]): Promise<string> {
  const findings = ids.length > 0 ? await deps.audit.findings({ ids }) : [];
  const missing = ids.find((id) => !findings.some((finding) => finding.id === id));
  if (missing) throw new AppError('NOT_FOUND', { what: 'finding', id: missing, list: 'findings' });
  const kits = [...new Set(findings.map((finding) => finding.kit))];
  if (kits.length !== 1) throw new AppError('CHANGE_ONE_KIT', { kits: kits.join(', ') || 'none' });
  return kits[0]!;
}

/** A new plan for the same wish, from the estate as it is now; what was approved before does not hold for it. */
export async function replan(deps: Deps, actor: Actor, id: string): Promise<Planned> {
  const { platform } = deps;
  const change = await mustFind(deps, id);
  checkReplan(change);
  const made = await makePlan(deps, change, actor);
  const held = await heldBy(deps, change);
  await platform.observe(actor, async (tx) => {
    const locked = await lockChange(tx.db, id);
    if (!locked) throw new AppError('NOT_FOUND', { what: 'change', id, list: 'change list' });
    checkReplan(locked);
    await release(deps, tx, held);
    await storePlan(deps, tx, locked, made);
  });
  return { change: await viewChange(deps, id), left: made.left };
}

const REPLANNABLE = ['draft', 'planned', 'awaiting-approval', 'scheduled', 'failed', 'rolled-back', 'cancelled'];
function checkReplan(change: ChangeRow): void {
  if (REPLANNABLE.includes(change.state)) return;
  throw new AppError('CHANGE_STATE', {
    state: change.state,
    needs: 'not under way and not closed',
    verb: 'planned again',
  });
}

export async function mustFind(deps: Deps, id: string): Promise<ChangeRow> {
  const change = await changeById(deps.platform.db, id);
  if (!change) throw new AppError('NOT_FOUND', { what: 'change', id, list: 'change list' });
  return change;
}

interface Made {
  plan: Plan;
  text: string;
  digest: string;
  left: Left[];
  findings: string[];
}

async function makePlan(deps: Deps, change: ChangeRow, actor: Actor): Promise<Made> {
  const { platform, impact } = deps;
  const busyHosts = await hostsUnderWay(platform.db, change);
  const wish = { kit: change.kit, asked: change.asked, changeId: change.id, busyHosts };
  const first = await gather(deps, wish);
  const gathered = (await lookAgain(deps, first.input.hosts)) ? await gather(deps, wish) : first;
  const { tasks, left: unplanned } = plannedTasks(gathered);
  const left = [...unplanned, ...(await busyNotes(deps, busyHosts, change))];
  if (tasks.length === 0) throw new AppError('CHANGE_NOTHING_TO_DO', { why: reasons(left) });
  const now = platform.now();
  const { asked } = change;
  const hosts = new Set(tasks.map((task) => task.hostId)).size;
  const plan = assemblePlan(gathered.input, tasks, {
    changeId: change.id,
    author: actor.id,
    nonce: randomBytes(16).toString('hex'),
    notBefore: asked.notBefore ?? now.toISOString(),
    notAfter: asked.notAfter ?? new Date(now.getTime() + VALID_DAYS * DAY_MS).toISOString(),
    approvalsRequired: hosts >= platform.config.secondApprovalHosts ? 2 : 1,
    abortAfterFailures: asked.abortAfterFailures,
    impact: await impact.predict(tasks),
  });
  const text = canonical(plan);
  return { plan, text, digest: sha256(text), left, findings: [...new Set(tasks.flatMap((task) => task.findings))] };
}

function plannedTasks({ input, kit }: Gathered): ReturnType<typeof planTasks> {
  try {
    return planTasks(input);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new AppError(
      'CHANGE_NOTHING_TO_DO',
      { why: `kit ${kit.kit.kit} cannot be used: ${error.message}` },
      { cause: error },
    );
  }
}

async function busyNotes(deps: Deps, busy: ReadonlyMap<string, string>, { asked }: ChangeRow): Promise<Left[]> {
  const ids = [...busy.keys()].filter((id) => asked.hosts === null || asked.hosts.includes(id));
  const hosts = ids.length > 0 ? await deps.discovery.hosts({ ids }) : [];
  return hosts.map(({ id, name }) => ({
    hostId: id,
    hostName: name,
    endpoint: null,
    why: `change ${busy.get(id)} covers it already`,
  }));
}

function reasons(left: readonly Left[]): string {
  if (left.length === 0) return 'no finding of the kit is open on the hosts asked for';
  const lines = left.map((one) => `${one.hostName}${one.endpoint ? ` (${one.endpoint})` : ''}: ${one.why}`);
  return lines.slice(0, 20).join('; ') + (lines.length > 20 ? `; and ${lines.length - 20} more` : '');
}

type Tx = Parameters<Parameters<Deps['platform']['observe']>[1]>[0];

async function storePlan(deps: Deps, tx: Tx, change: ChangeRow, made: Made): Promise<void> {
  const { plan, text, digest, left, findings } = made;
  await mustBeAlone(tx, change, plan);
  await insertPlan(tx.db, { digest, changeId: change.id, text, madeAt: tx.now });
  await insertTasks(tx.db, digest, plan, tx.now);
  const patch = {
    state: 'awaiting-approval' as const,
    planDigest: digest,
    findings,
    left,
    wavesDone: 0,
    why: null,
    stopping: null,
    pausedFrom: null,
    startAt: null,
    verification: null,
    observed: null,
  };
  await updateChange(tx.db, change.id, patch, tx.now);
  if (findings.length > 0) await deps.audit.setFindingState(tx, findings, 'planned', { changeId: change.id });
  const asJson = JSON.parse(text) as Record<string, Json>;
  await tx.record({
    type: 'change.plan.made',
    subject: changeSubject(change),
    related: hostsOf(plan),
    detail: { digest, plan: asJson, predicted: asJson['impact']!, left: left.map((one) => ({ ...one })) },
  });
  await tx.publish('changes', { changeId: change.id });
  await tx.enqueue('trail.document', { kind: 'change', id: change.id }, { singletonKey: change.id });
}

/** Somebody may have planned the same hosts while this plan was made: one of the two must not be. */
async function mustBeAlone(tx: Tx, change: ChangeRow, plan: Plan): Promise<void> {
  await lockPlanning(tx.db, change.kit);
  const busy = await hostsUnderWay(tx.db, change);
  const taken = plan.waves.flatMap((wave) => wave.tasks).find((task) => busy.has(task.hostId));
  if (!taken) return;
  const why = `Change ${busy.get(taken.hostId)} was planned at the same time and covers ${taken.hostName}; plan again for the rest`;
  throw new AppError('CONFLICT', { why });
}

/**
 * Findings that the change holds. Like everything that other folders are asked, before the transaction: one that waits
 * for a second connection while others wait for its lock would hold up all.
 */
export async function heldBy(deps: Deps, change: Pick<ChangeRow, 'id' | 'findings'> | null): Promise<string[]> {
  if (change === null || change.findings.length === 0) return [];
  const found = await deps.audit.findings({ ids: change.findings, states: ['planned'] });
  return found.filter((finding) => finding.changeId === change.id).map((finding) => finding.id);
}

/** Findings that a change held are open again. */
export async function release(deps: Deps, tx: Tx, held: string[]): Promise<void> {
  if (held.length > 0) await deps.audit.setFindingState(tx, held, 'open', { changeId: null });
}
