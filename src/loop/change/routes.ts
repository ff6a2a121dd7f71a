import * as z from 'zod';
import { OutcomesRequest, TasksReply } from '../../model/agent.ts';
import { MAY } from '../../model/actor.ts';
import { Change, Left } from '../../model/change.ts';
import { AppError } from '../../model/errors/index.ts';
import { Instant, Sha256 } from '../../model/json.ts';
import { Approval } from '../../model/plan.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { takeOutcomes, tasksFor } from './agents.ts';
import { approveChange } from './approve.ts';
import { cancelChange, pauseChange, resumeChange, rollbackChange, runChange, scheduleChange } from './control.ts';
import type { Deps } from './deps.ts';
import { createChange, mustFind, replan } from './planning.ts';
import { authorityRoutes } from './routes-authorities.ts';
import { campaignRoutes } from './routes-campaigns.ts';
import { allChanges, planByDigest } from './store.ts';
import { toChanges, viewChange } from './view.ts';

const Params = z.object({ id: z.string() });
const Ids = z.array(z.string().min(1).max(100)).min(1).max(100_000);
const CreateInput = z
  .object({
    /** the kit whose open findings are to be remediated; or name the findings */
    kit: z.string().max(60).optional(),
    findings: Ids.optional(),
    /** only on these hosts */
    hosts: Ids.optional(),
    title: z.string().min(1).max(200),
    reason: z.string().min(3).max(2000),
    notBefore: Instant.optional(),
    notAfter: Instant.optional(),
    abortAfterFailures: z.number().int().min(0).max(10_000).optional(),
  })
  .strict()
  .refine((input) => input.kit !== undefined || input.findings !== undefined, 'name a kit or findings');
const Planned = z.object({ change: Change, left: z.array(Left) });

export function changeRoutes(deps: Deps): Route[] {
  return [
    ...planRoutes(deps),
    ...readRoutes(deps),
    ...runRoutes(deps),
    ...authorityRoutes(deps),
    ...campaignRoutes(deps),
  ];
}

function planRoutes(deps: Deps): Route[] {
  return [
    route({
      method: 'POST',
      path: '/changes',
      id: 'createChange',
      summary: 'Plan the remediation of findings; the plan then waits for approval',
      access: MAY.operate,
      body: CreateInput,
      reply: Planned,
      status: 201,
      handler: ({ actor, body }) => {
        const { notBefore = null, notAfter = null, findings = null, hosts = null } = body;
        const asked = { findings, hosts, notBefore, notAfter, abortAfterFailures: body.abortAfterFailures ?? 0 };
        return createChange(deps, actor, { kit: body.kit, title: body.title, reason: body.reason, ...asked });
      },
    }),
    route({
      method: 'POST',
      path: '/changes/:id/replan',
      id: 'replanChange',
      summary: 'Make a new plan from the estate as it is now; earlier approvals do not hold for it',
      access: MAY.operate,
      params: Params,
      reply: Planned,
      handler: ({ actor, params }) => replan(deps, actor, params.id),
    }),
    route({
      method: 'POST',
      path: '/changes/:id/approve',
      id: 'approveChange',
      summary: "Add one's signature over the plan's digest",
      access: MAY.approve,
      params: Params,
      body: Approval,
      reply: Change,
      handler: ({ actor, params, body }) => approveChange(deps, actor, params.id, body),
    }),
  ];
}

function readRoutes(deps: Deps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/changes',
      id: 'listChanges',
      summary: 'Changes, newest first',
      access: MAY.read,
      reply: z.object({ items: z.array(Change) }),
      handler: async () => ({ items: await toChanges(deps, await allChanges(deps.platform.db)) }),
    }),
    route({
      method: 'GET',
      path: '/changes/:id',
      id: 'getChange',
      summary: 'One change with its approvals, waves, steps and outcomes',
      access: MAY.read,
      params: Params,
      reply: Change,
      handler: ({ params }) => viewChange(deps, params.id),
    }),
    route({
      method: 'GET',
      path: '/changes/:id/plan',
      id: 'getPlan',
      summary: 'The plan: its canonical text exactly as hashed, and the digest that approvals sign',
      access: MAY.read,
      params: Params,
      reply: z.object({ text: z.string(), digest: Sha256 }),
      handler: async ({ params }) => {
        const { planDigest } = await mustFind(deps, params.id);
        const plan = planDigest === null ? null : await planByDigest(deps.platform.db, planDigest);
        if (!plan) throw new AppError('NOT_FOUND', { what: 'plan of change', id: params.id, list: 'change list' });
        return { text: plan.text, digest: plan.digest };
      },
    }),
  ];
}

const ACTIONS = [
  ['run', 'runChange', 'Start an approved change now', runChange],
  ['pause', 'pauseChange', 'Begin nothing more until it is resumed; what a host is doing ends', pauseChange],
  ['resume', 'resumeChange', 'Go on with a paused change', resumeChange],
  ['cancel', 'cancelChange', 'End a change without undoing what it did', cancelChange],
  ['rollback', 'rollbackChange', 'Undo on the hosts what can be undone', rollbackChange],
] as const;

function runRoutes(deps: Deps): Route[] {
  const actions = ACTIONS.map(([verb, id, summary, act]) =>
    route({
      method: 'POST',
      path: `/changes/:id/${verb}`,
      id,
      summary,
      access: MAY.operate,
      params: Params,
      reply: Change,
      handler: ({ actor, params }) => act(deps, actor, params.id),
    }),
  );
  const schedule = route({
    method: 'POST',
    path: '/changes/:id/schedule',
    id: 'scheduleChange',
    summary: 'Have it start by itself at a time, once it is approved',
    access: MAY.operate,
    params: Params,
    body: z.object({ at: Instant }).strict(),
    reply: Change,
    handler: ({ actor, params, body }) => scheduleChange(deps, actor, params.id, body.at),
  });
  return [...actions, schedule];
}

/** On the mutual-TLS listener. */
export function changeAgentRoutes(deps: Deps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/tasks',
      id: 'agentTasks',
      summary: 'Long poll: what there is to do for this agent',
      access: 'agent',
      query: z.object({ wait: z.coerce.number().min(0).max(120).default(0) }),
      reply: TasksReply,
      handler: ({ agent, query, signal }) => tasksFor(deps, agent!, query.wait, signal),
    }),
    route({
      method: 'POST',
      path: '/outcomes',
      id: 'agentOutcomes',
      summary: 'Signed outcomes of steps, and refusals',
      access: 'agent',
      body: OutcomesRequest,
      reply: z.object({ ok: z.literal(true) }),
      handler: async ({ agent, body }) => {
        await takeOutcomes(deps, agent!, body);
        return { ok: true as const };
      },
    }),
  ];
}
