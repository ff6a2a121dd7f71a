import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { Coverage, Deployment, DeploymentInput, DeployRule, DeployRuleInput } from '../../model/deployment.ts';
import { AppError } from '../../model/errors/index.ts';
import { Sha256 } from '../../model/json.ts';
import { Approval } from '../../model/plan.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { approveDeployment, approveRule, cancelDeployment } from './approve-deployment.ts';
import { coverage } from './coverage.ts';
import { createDeployment } from './make-deployment.ts';
import { addRule, endRule, listRules } from './rules.ts';
import { deploymentRow, deployments } from './store-deployments.ts';
import { ruleById } from './store-rules.ts';

const Id = z.object({ id: z.string() });
/** The text is what is hashed and signed, byte by byte. */
const PlanText = z.object({ digest: Sha256, text: z.string() });

export function deploymentRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    ...pushRoutes(platform, discovery),
    ...approvalRoutes(platform),
    ...ruleRoutes(platform),
    ...ruleApprovalRoutes(platform),
    coverageRoute(platform, discovery),
  ];
}

const missing = (id: string): AppError =>
  new AppError('NOT_FOUND', { what: 'deployment', id, list: 'deployment list' });
const noRule = (id: string): AppError =>
  new AppError('NOT_FOUND', { what: 'deployment rule', id, list: 'deploy-rule list' });

async function oneRule(platform: Platform, id: string): Promise<DeployRule> {
  const [found] = await listRules(platform, [id]);
  if (!found) throw noRule(id);
  return found;
}

function pushRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'POST',
      path: '/deployments',
      id: 'createDeployment',
      summary: 'Install the agent on hosts over SSH, now, at a time, or once an approver signed',
      access: MAY.operate,
      body: DeploymentInput,
      reply: Deployment,
      status: 201,
      handler: ({ actor, body }) => createDeployment(platform, discovery, actor, body),
    }),
    route({
      method: 'GET',
      path: '/deployments',
      id: 'listDeployments',
      summary: 'Deployments, newest first',
      access: MAY.read,
      reply: z.object({ items: z.array(Deployment) }),
      handler: async () => ({ items: await deployments(platform.db) }),
    }),
    route({
      method: 'GET',
      path: '/deployments/:id',
      id: 'getDeployment',
      summary: 'One deployment with the state and reason of each host',
      access: MAY.read,
      params: Id,
      reply: Deployment,
      handler: async ({ params }) => {
        const [found] = await deployments(platform.db, [params.id]);
        if (!found) throw missing(params.id);
        return found;
      },
    }),
  ];
}

function approvalRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/deployments/:id/plan',
      id: 'getDeploymentPlan',
      summary: 'What an approver signs of a deployment',
      access: MAY.read,
      params: Id,
      reply: PlanText,
      handler: async ({ params }) => {
        const row = await deploymentRow(platform.db, params.id);
        if (!row?.plan || row.plan_digest === null) throw missing(params.id);
        return { digest: row.plan_digest, text: row.plan };
      },
    }),
    route({
      method: 'POST',
      path: '/deployments/:id/approvals',
      id: 'approveDeployment',
      summary: 'Hand in a signature over the digest of its plan',
      access: MAY.approve,
      params: Id,
      body: Approval.strict(),
      reply: Deployment,
      handler: ({ actor, params, body }) => approveDeployment(platform, actor, params.id, body),
    }),
    route({
      method: 'POST',
      path: '/deployments/:id/cancel',
      id: 'cancelDeployment',
      summary: 'Begin with no further host; one that somebody is at is brought to its end',
      access: MAY.operate,
      params: Id,
      reply: Deployment,
      handler: ({ actor, params }) => cancelDeployment(platform, actor, params.id),
    }),
  ];
}

function ruleRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/deploy-rules',
      id: 'addDeployRule',
      summary: 'New servers in a segment get an agent, after approval, without being named',
      access: MAY.operate,
      body: DeployRuleInput,
      reply: DeployRule,
      status: 201,
      handler: ({ actor, body }) => addRule(platform, actor, body),
    }),
    route({
      method: 'GET',
      path: '/deploy-rules',
      id: 'listDeployRules',
      summary: 'Deployment rules',
      access: MAY.read,
      reply: z.object({ items: z.array(DeployRule) }),
      handler: async () => ({ items: await listRules(platform) }),
    }),
  ];
}

function ruleApprovalRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/deploy-rules/:id/plan',
      id: 'getDeployRulePlan',
      summary: 'What an approver signs of a standing rule',
      access: MAY.read,
      params: Id,
      reply: PlanText,
      handler: async ({ params }) => {
        const row = await ruleById(platform.db, params.id);
        if (!row) throw noRule(params.id);
        return { digest: row.plan_digest, text: row.plan };
      },
    }),
    route({
      method: 'POST',
      path: '/deploy-rules/:id/approvals',
      id: 'approveDeployRule',
      summary: 'Hand in a signature over the digest of a standing rule',
      access: MAY.approve,
      params: Id,
      body: Approval.strict(),
      reply: DeployRule,
      handler: async ({ actor, params, body }) => {
        await approveRule(platform, actor, params.id, body);
        return oneRule(platform, params.id);
      },
    }),
    route({
      method: 'POST',
      path: '/deploy-rules/:id/end',
      id: 'endDeployRule',
      summary: 'It asks for nothing any more; what it began is stopped',
      access: MAY.operate,
      params: Id,
      reply: DeployRule,
      handler: async ({ actor, params }) => {
        await endRule(platform, actor, params.id);
        return oneRule(platform, params.id);
      },
    }),
  ];
}

function coverageRoute(platform: Platform, discovery: Discovery): Route {
  return route({
    method: 'GET',
    path: '/coverage',
    id: 'getCoverage',
    summary: 'How much of each segment is managed, and how long hosts took from discovered to managed',
    access: MAY.read,
    query: z.object({ within: z.coerce.number().int().min(1).max(8760).default(24) }),
    reply: z.object({ items: z.array(Coverage) }),
    handler: async ({ query }) => ({ items: await coverage(platform, discovery, query.within) }),
  });
}
