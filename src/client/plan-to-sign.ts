import canonicalize from 'canonicalize';
import type * as z from 'zod';
import { Release } from '../model/agent.ts';
import type { Change } from '../model/change.ts';
import { DeploymentPlan, DeployRulePlan } from '../model/deployment.ts';
import type { AgentUpdate } from '../model/enrollment.ts';
import { Plan } from '../model/plan.ts';
import type { Client } from './client.ts';

/** The plan cannot be signed here, and why; nothing was signed. */
export class NotToSign extends Error {
  constructor(why: string) {
    super(`${why}; nothing was signed`);
    this.name = 'NotToSign';
  }
}

/** A plan as it was read, checked and hashed on this side. */
export interface PlanToSign {
  plan: Plan;
  /** SHA-256 of the text that `plan` was read from, hex */
  digest: string;
}

/**
 * The plan of a change, checked here: what is shown and what is signed must be the same bytes, whatever the server says.
 * A server that shows one plan and asks for a signature under another is the case that signatures are there for.
 */
export async function planToSign(client: Client, change: Pick<Change, 'id' | 'planDigest'>): Promise<PlanToSign> {
  const { text } = await client.getPlan({ params: { id: change.id } });
  const { plan, digest } = await toSign(Plan, text, change.planDigest);
  if (plan.changeId !== change.id) throw new NotToSign(`the plan is for change ${plan.changeId}, not ${change.id}`);
  return { plan, digest };
}

/** The same for a deployment. */
export async function deploymentToSign(
  client: Client,
  { id, planDigest }: { id: string; planDigest: string | null },
): Promise<{ plan: DeploymentPlan; digest: string }> {
  const { text } = await client.getDeploymentPlan({ params: { id } });
  const signable = await toSign(DeploymentPlan, text, planDigest);
  if (signable.plan.deploymentId !== id)
    throw new NotToSign(`the plan is for deployment ${signable.plan.deploymentId}, not ${id}`);
  return signable;
}

/** The same for a standing rule. */
export async function ruleToSign(
  client: Client,
  { id, planDigest }: { id: string; planDigest: string },
): Promise<{ plan: DeployRulePlan; digest: string }> {
  const { text } = await client.getDeployRulePlan({ params: { id } });
  const signable = await toSign(DeployRulePlan, text, planDigest);
  if (signable.plan.ruleId !== id) throw new NotToSign(`this is rule ${signable.plan.ruleId}, not ${id}`);
  return signable;
}

/** The same for an update of agents: the release must be for the agents and of the program that are shown. */
export async function updateToSign(
  update: Pick<AgentUpdate, 'id' | 'release' | 'digest' | 'program' | 'version' | 'approvalsRequired' | 'author'> & {
    hosts: readonly { agentId: string }[];
  },
): Promise<{ plan: Release; digest: string }> {
  const signable = await toSign(Release, update.release, update.digest);
  const { plan } = signable;
  const shown = update.hosts.map((host) => host.agentId).toSorted();
  const same =
    plan.changeId === update.id &&
    plan.program === update.program &&
    plan.version === update.version &&
    plan.author === update.author &&
    plan.approvalsRequired === update.approvalsRequired &&
    canonicalize(plan.agents.toSorted()) === canonicalize(shown);
  if (!same) throw new NotToSign('what the server asks to sign is not what it shows');
  return signable;
}

async function toSign<S extends z.ZodType>(
  schema: S,
  text: string,
  asked: string | null,
): Promise<{ plan: z.infer<S>; digest: string }> {
  const digest = await sha256(text);
  if (digest !== asked) throw new NotToSign(`the server shows a plan with digest ${digest}, but asks to sign ${asked}`);
  const parsed = schema.safeParse(JSON.parse(text));
  // Parsing drops what it does not know; a plan that says more than can be shown here is not signed here.
  if (parsed.success && canonicalize(parsed.data) === text) return { plan: parsed.data, digest };
  throw new NotToSign('the plan holds something that this version cannot show; update Lastember');
}

async function sha256(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
