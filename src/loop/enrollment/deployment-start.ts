import { systemActor } from '../../model/actor.ts';
import { DeploymentPlan, type DeployRulePlan } from '../../model/deployment.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { approvers } from '../../platform/approval.ts';
import { sha256 } from '../../host/canonical.ts';
import type { Discovery } from '../discovery/index.ts';
import { within } from './logic/hours.ts';
import { isWithin } from './logic/rules.ts';
import { enqueueAt, forgetKeys } from './make-deployment.ts';
import { approvalsOf } from './store-approvals.ts';
import {
  deploymentHosts,
  deploymentRow,
  lockDeployment,
  moveDeployment,
  stopWaiting,
  type DeploymentRow,
} from './store-deployments.ts';
import { credentials } from './store-login.ts';
import { ruleById, type RuleRow } from './store-rules.ts';

const ACTOR = systemActor('enrollment.deploy');

/** What a deployment that runs stands on. */
export interface Standing {
  /** the standing rule that asked for it */
  rule: { name: string; hours: string | null; holds(): Promise<boolean> } | null;
  /** Why this host must not be touched by it, or null. */
  refuses(host: Host): string | null;
  /** May it be logged in to at this address of it? */
  allows(host: Host, address: string): boolean;
}

/**
 * May this deployment go on now? One whose time has come begins here; one that nobody approved in time, or whose approval
 * does not hold any more, ends. null: not now, or not ever.
 */
export async function mayRun(platform: Platform, discovery: Discovery, id: string): Promise<Standing | null> {
  const row = await deploymentRow(platform.db, id);
  if (!row || row.state === 'done' || row.state === 'cancelled') return null;
  const missed = tooLate(row, platform.now());
  if (missed === null && row.state === 'awaiting-approval') return null;
  const standing = missed ?? (await standingOf(platform, row));
  if (typeof standing === 'string') {
    await end(platform, row, standing);
    return null;
  }
  if (row.state === 'running') return standing;
  return (await isTime(platform, row, standing)) && (await begin(platform, discovery, row)) ? standing : null;
}

async function isTime(platform: Platform, row: DeploymentRow, { rule }: Standing): Promise<boolean> {
  const now = platform.now();
  // Hours come again, and a timer with them.
  if (row.not_before === null || now >= row.not_before) return within(rule?.hours ?? null, now);
  await platform.observe(ACTOR, (tx) => enqueueAt(tx, row.id, row.not_before));
  return false;
}

/** Why it cannot begin any more, or null. */
function tooLate(row: DeploymentRow, now: Date): string | null {
  if (row.state === 'running' || row.not_after === null || now <= row.not_after) return null;
  return row.state === 'scheduled' ? 'its time was over before it began' : 'nobody approved it in time';
}

/** What it stands on, or why it stands on nothing. */
async function standingOf(platform: Platform, row: DeploymentRow): Promise<Standing | string> {
  const rule = row.rule_id === null ? undefined : await ruleById(platform.db, row.rule_id);
  if (row.approvals_required > 0) {
    const plan = await approvedPlan(platform, row);
    if (typeof plan === 'string') return plan;
    // The rule has asked; what was approved since is this plan.
    return {
      rule: null,
      refuses: (host) => notPlanned(plan, host),
      allows: (host, address) => isPlanned(plan, host, address),
    };
  }
  if (row.rule_id === null) return { rule: null, refuses: () => null, allows: () => true };
  const why = rule ? await notInForce(platform, rule) : 'its rule is gone';
  if (!rule || why !== null) return why ?? 'its rule is gone';
  return {
    rule: {
      name: rule.rule.name,
      hours: rule.rule.hours,
      holds: async () => {
        const now = await ruleById(platform.db, rule.id);
        return now !== undefined && (await notInForce(platform, now)) === null;
      },
    },
    refuses: (host) =>
      isWithin(rule.rule, host) ? null : `it is not where the rule ${rule.rule.name} is for any more`,
    allows: (host, address) => isWithin(rule.rule, { ...host, addresses: [address] }),
  };
}

/** The very bytes that were signed, by people who may sign now. */
async function approvedPlan(platform: Platform, row: DeploymentRow): Promise<DeploymentPlan | string> {
  const digest = row.plan_digest ?? '';
  if (row.plan === null || sha256(row.plan) !== digest) return 'its plan is not the one that was approved';
  const plan = DeploymentPlan.parse(JSON.parse(row.plan));
  const logins = (await credentials(platform.db)).filter(({ id }) => row.credential_ids.includes(id));
  if (!says(plan, row) || logins.some(({ name }) => !plan.credentials.includes(name)))
    return 'its plan is not the one that was approved';
  const given = (await approvalsOf(platform.db, digest)).map((one) => one.approval);
  const about = { changeId: row.id, author: plan.author, notAfter: plan.notAfter };
  const have = approvers(given, { plan: about, digest, keys: await platform.approverKeys() }).length;
  return have >= plan.approvalsRequired
    ? plan
    : 'its approval does not hold any more: a key was revoked, or a person may not approve any more';
}

/** Nothing of what was signed is otherwise in what is carried out. */
function says(plan: DeploymentPlan, row: DeploymentRow): boolean {
  const [told, is] = [
    [plan.deploymentId, plan.agentless, plan.acceptHostKey, plan.force, plan.concurrency, plan.maxFailed],
    [row.id, row.agentless, row.accept_host_key, row.forced, row.concurrency, row.max_failed],
  ];
  const times = [row.not_before?.toISOString(), row.not_after?.toISOString()];
  return told.every((value, index) => value === is[index]) && times[0] === plan.notBefore && times[1] === plan.notAfter;
}

const isPlanned = (plan: DeploymentPlan, host: Host, address: string): boolean =>
  plan.hosts.some((planned) => planned.hostId === host.id && planned.addresses.includes(address));

function notPlanned(plan: DeploymentPlan, host: Host): string | null {
  const planned = plan.hosts.find(({ hostId }) => hostId === host.id);
  if (!planned) return 'it is not in the plan that was approved';
  return host.addresses.some((address) => planned.addresses.includes(address))
    ? null
    : `it was approved at ${planned.addresses.join(', ')} and is at ${host.addresses.join(', ') || 'no address'} now`;
}

/** Why a rule may not ask for anything now, or null. */
export async function notInForce(
  platform: Platform,
  { state, rule, plan_digest, plan }: RuleRow,
): Promise<string | null> {
  if (state === 'ended') return `the rule ${rule.name} was ended`;
  if (platform.now() > new Date(rule.notAfter)) return `the rule ${rule.name} was over at ${rule.notAfter}`;
  if (!rule.standing) return null;
  if (state !== 'in-force' || sha256(plan) !== plan_digest) return `the rule ${rule.name} is not approved`;
  const given = (await approvalsOf(platform.db, plan_digest)).map((one) => one.approval);
  const about = aboutRule(rule);
  const keys = await platform.approverKeys();
  return approvers(given, { plan: about, digest: plan_digest, keys }).length >= rule.approvalsRequired
    ? null
    : `the approval of the rule ${rule.name} does not hold any more`;
}

export const aboutRule = (rule: DeployRulePlan): { changeId: string; author: string; notAfter: string } => ({
  changeId: rule.ruleId,
  author: rule.author,
  notAfter: rule.notAfter,
});

async function begin(platform: Platform, discovery: Discovery, row: DeploymentRow): Promise<boolean> {
  const hosts = await deploymentHosts(platform.db, row.id);
  const logins = (await credentials(platform.db)).filter(({ id }) => row.credential_ids.includes(id));
  const known = row.accept_host_key ? await discovery.hosts({ ids: hosts.map((host) => host.host_id) }) : [];
  return platform.observe(ACTOR, async (tx) => {
    if (!(await moveDeployment(tx.db, row.id, ['scheduled'], { state: 'running' }))) return false;
    if (row.accept_host_key) await forgetKeys(tx, logins, known);
    await tx.record({
      type: 'enrollment.deployment.started',
      subject: { kind: 'deployment', id: row.id },
      related: hosts.map((host) => ({ kind: 'host' as const, id: host.host_id, name: host.host_name })),
      detail: { credentials: logins.map((one) => one.name), ...(row.plan_digest ? { digest: row.plan_digest } : {}) },
    });
    await tx.publish('agents', { deploymentId: row.id });
    return true;
  });
}

/** Ends a deployment before its hosts had their turn. What is at work on a host goes through with it. */
export async function end(platform: Platform, row: DeploymentRow, why: string, actor = ACTOR): Promise<void> {
  await platform.observe(actor, async (tx) => {
    const locked = await lockDeployment(tx.db, row.id);
    if (!locked || locked.state === 'done' || locked.state === 'cancelled') return;
    await stop(tx, locked, why);
  });
}

async function stop(tx: Tx, row: DeploymentRow, why: string): Promise<void> {
  // Told once: what is left of it is on its way to its end.
  if (row.why !== null) return;
  await stopWaiting(tx.db, row.id, why, tx.now);
  // One that runs ends when its last host is through.
  const over = row.state === 'running' ? { why } : { state: 'cancelled' as const, finished_at: tx.now, why };
  await moveDeployment(tx.db, row.id, [row.state], over);
  await tx.record({
    type: 'enrollment.deployment.cancelled',
    subject: { kind: 'deployment', id: row.id },
    detail: { why },
  });
  if (row.state === 'running') await tx.enqueue('enrollment.deploy', { deploymentId: row.id });
  await tx.publish('agents', { deploymentId: row.id });
}
