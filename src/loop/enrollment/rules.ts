import { randomBytes } from 'node:crypto';
import type { Actor } from '../../model/actor.ts';
import { systemActor } from '../../model/actor.ts';
import type { DeployRule, DeployRuleInput, DeployRulePlan } from '../../model/deployment.ts';
import { AppError, isAppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { canonicalText, sha256 } from '../../host/canonical.ts';
import type { Discovery } from '../discovery/index.ts';
import { notInForce } from './deployment-start.ts';
import { mayBeTriedUnnamed, readBound } from './logic/binding.ts';
import { within } from './logic/hours.ts';
import { wantedBy } from './logic/rules.ts';
import { createDeployment } from './make-deployment.ts';
import { signersOf } from './store-approvals.ts';
import { askedByRule, lastBroken, openDeployments, triedHosts } from './store-deployments.ts';
import { credentialByName } from './store-login.ts';
import { insertRule, moveRule, ruleById, rules, type RuleRow } from './store-rules.ts';

const DAY_MS = 86_400_000;
/** Somebody has to look at a standing permission again after so long. */
const LONGEST_DAYS = 366;

export async function addRule(platform: Platform, actor: Actor, input: DeployRuleInput): Promise<DeployRule> {
  const now = platform.now();
  const days = (Date.parse(input.notAfter) - now.getTime()) / DAY_MS;
  if (days <= 0 || days > LONGEST_DAYS)
    throw new AppError('DEPLOY_RULE_TIME', { to: input.notAfter, days: LONGEST_DAYS });
  const where = input.where.map((text) => text.trim());
  const odd = where.find((text) => readBound(text).kind === 'host');
  if (odd !== undefined) throw new AppError('DEPLOY_RULE_WHERE', { where: odd });
  for (const name of input.credentials) {
    const login = await credentialByName(platform.db, name);
    if (!login) throw new AppError('NOT_FOUND', { what: 'credential', id: name, list: 'credential list' });
    if (!mayBeTriedUnnamed(login)) throw new AppError('DEPLOY_RULE_LOGIN', { name });
  }
  const rule: DeployRulePlan = {
    type: 'lastember/deploy-rule/v1',
    ruleId: platform.newId('rule'),
    author: actor.id,
    nonce: randomBytes(16).toString('hex'),
    // It names no hosts, so it may come to be many.
    approvalsRequired: input.most >= platform.config.secondApprovalHosts ? 2 : 1,
    ...input,
    where,
  };
  const text = canonicalText(rule);
  const subject = { kind: 'rule' as const, id: rule.ruleId, name: rule.name };
  const digest = sha256(text);
  await platform.act(
    actor,
    { type: 'enrollment.rule.added', subject, detail: { digest, plan: JSON.parse(text) as DeployRulePlan } },
    async (tx) => {
      const state = rule.standing ? ('awaiting-approval' as const) : ('in-force' as const);
      const made = await insertRule(tx.db, {
        id: rule.ruleId,
        name: rule.name,
        state,
        author: actor.id,
        created_by: actor.name,
        created_at: tx.now,
        not_after: new Date(rule.notAfter),
        plan: text,
        plan_digest: digest,
      });
      if (!made) throw new AppError('DEPLOY_RULE_EXISTS', { name: rule.name });
      if (state === 'in-force') await tx.enqueue('enrollment.tick', {});
    },
  );
  return (await listRules(platform, [rule.ruleId]))[0]!;
}

export async function listRules(platform: Platform, ids?: readonly string[]): Promise<DeployRule[]> {
  const all = (await rules(platform.db)).filter((row) => ids === undefined || ids.includes(row.id));
  const signers = await signersOf(
    platform.db,
    all.map((row) => row.plan_digest),
  );
  const rests = await Promise.all(all.map((row) => restsBecause(platform, row)));
  return all.map((row, index) => ({
    ...row.rule,
    rests: row.state === 'in-force' ? rests[index]! : null,
    id: row.id,
    state: row.state !== 'ended' && platform.now() > row.not_after ? ('expired' as const) : row.state,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    planDigest: row.plan_digest,
    approvers: signers.get(row.plan_digest) ?? [],
  }));
}

export async function endRule(platform: Platform, actor: Actor, id: string): Promise<void> {
  const row = await ruleById(platform.db, id);
  if (!row) throw new AppError('NOT_FOUND', { what: 'deployment rule', id, list: 'deploy-rule list' });
  await platform.act(
    actor,
    { type: 'enrollment.rule.ended', subject: { kind: 'rule', id, name: row.name } },
    async (tx) => {
      if (!(await moveRule(tx.db, id, ['awaiting-approval', 'in-force'], 'ended')))
        throw new AppError('DEPLOY_RULE_STATE', { name: row.name, state: 'ended' });
    },
  );
}

/**
 * Timer: every rule in force asks for a deployment to what is new where it is for. Deployments that are open are gone on
 * with, whoever was at them before.
 */
export async function tick(platform: Platform, discovery: Discovery): Promise<void> {
  const inForce = (await rules(platform.db)).filter((row) => row.state === 'in-force');
  for (const row of inForce)
    await askFor(platform, discovery, row).catch((error: unknown) => {
      // One rule that cannot be followed holds up no other, and comes again in a minute.
      platform.log.warn({ error, rule: row.name }, 'a deployment rule could not be followed');
    });
  for (const { id, state, not_after } of await openDeployments(platform.db)) {
    const isOver = not_after !== null && platform.now() > not_after;
    if (state !== 'awaiting-approval' || isOver)
      await platform.queue.enqueue('enrollment.deploy', { deploymentId: id }, { singletonKey: id });
  }
}

/** What broke on these hosts will break on the next ones: a person looks first, or a day passes. */
const restsBecause = (platform: Platform, row: RuleRow): Promise<string | null> =>
  row.rule.standing
    ? lastBroken(platform.db, row.id, new Date(platform.now().getTime() - DAY_MS))
    : Promise.resolve(null);

async function askFor(platform: Platform, discovery: Discovery, row: RuleRow): Promise<void> {
  const { rule } = row;
  const now = platform.now();
  if ((await notInForce(platform, row)) !== null || !within(rule.standing ? rule.hours : null, now)) return;
  if ((await restsBecause(platform, row)) !== null) return;
  const hosts = await discovery.hosts();
  const candidates = wantedBy(rule, hosts, new Map(), now);
  if (candidates.length === 0) return;
  const tried = await triedHosts(
    platform.db,
    candidates.map((host) => host.id),
  );
  const left = rule.most - (await askedByRule(platform.db, row.id, new Date(now.getTime() - DAY_MS)));
  const wanted = wantedBy(rule, candidates, tried, now).slice(0, Math.max(0, left));
  if (wanted.length === 0) return;
  const input = {
    hostIds: wanted.map((host) => host.id),
    ...(rule.credentials.length > 0 ? { credentials: rule.credentials } : {}),
    agentless: rule.agentless,
    ask: !rule.standing,
  };
  const author = { id: row.author, name: row.created_by };
  await createDeployment(platform, discovery, systemActor(`rule ${rule.name}`), input, {
    rule: { ruleId: row.id, author },
  }).catch((error: unknown) => {
    if (!isAppError(error, 'DEPLOY_NOTHING')) throw error;
  });
}
