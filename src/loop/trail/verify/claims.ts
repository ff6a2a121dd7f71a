import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { ApprovalStatement, StepOutcome } from '../../../model/plan.ts';
import { Sha256 } from '../../../model/json.ts';
import { Entry } from '../../../model/trail.ts';
import { verifyEd25519 } from './note.ts';

/** What entries claim with signatures of their own: agents' keys, approvers' keys, plans, approvals, outcomes. */
const Enrolled = z.object({ agentId: z.string(), publicKey: z.string() });
const KeyAdded = z.object({ keyId: z.string(), publicKey: z.string() });
const PlanMade = z.object({ digest: Sha256, plan: z.looseObject({ author: z.string() }) });
const Approved = z.object({
  digest: Sha256.optional(),
  keyId: z.string().optional(),
  statement: ApprovalStatement.loose(),
  signature: z.string(),
});
const Finished = z.object({ plan: Sha256, outcome: StepOutcome.loose(), signature: z.string(), agentId: z.string() });

type Check = (claims: Claims, entry: Entry) => string | null;
const CHECKS: Record<string, Check> = {
  'enrollment.agent.enrolled': (claims, entry) => claims.enrolled(entry),
  'change.plan.made': (claims, entry) => claims.planMade(entry),
  'change.plan.approved': (claims, entry) => claims.approved(entry),
  'change.step.finished': (claims, entry) => claims.stepFinished(entry),
};

export class Claims {
  readonly problems: string[] = [];
  plans = 0;
  approvals = 0;
  outcomes = 0;
  #agents = new Map<string, Buffer>();
  #approvers = new Map<string, Buffer>();
  #plans = new Map<string, { author: string; required: number; keys: Set<string> }>();

  /** Returns the entry for its label, or null when the text is none. */
  read(index: number, text: string): Entry | null {
    const entry = parseEntry(text);
    if (!entry) {
      this.problems.push(`entry ${index} is not a canonical trail entry`);
      return null;
    }
    this.#learnKeys(entry);
    const problem = CHECKS[entry.type]?.(this, entry);
    if (problem) this.problems.push(`entry ${index} (${labelOf(entry)}): ${problem}`);
    return entry;
  }

  /** Whoever registers approvers' keys puts keyId and publicKey into the entry, whatever its type is called. */
  #learnKeys(entry: Entry): void {
    if (entry.subject.kind !== 'key') return;
    if (entry.type.endsWith('.revoked')) return void this.#approvers.delete(entry.subject.id);
    const key = KeyAdded.safeParse(entry.detail);
    if (key.success) this.#approvers.set(key.data.keyId, Buffer.from(key.data.publicKey, 'base64'));
  }

  enrolled(entry: Entry): string | null {
    const agent = Enrolled.safeParse(entry.detail);
    if (!agent.success) return 'an enrollment without the agent’s key';
    const key = Buffer.from(agent.data.publicKey, 'base64');
    const known = this.#agents.get(agent.data.agentId);
    if (known && !known.equals(key)) return `agent ${agent.data.agentId} enrolled before with another key`;
    this.#agents.set(agent.data.agentId, key);
    return null;
  }

  planMade(entry: Entry): string | null {
    const made = PlanMade.safeParse(entry.detail);
    if (!made.success) return 'a plan that cannot be read';
    this.plans += 1;
    if (sha256(canonical(made.data.plan)) !== made.data.digest) return 'the plan does not have the digest stated';
    const { author } = made.data.plan;
    const required = Number(made.data.plan['approvalsRequired'] ?? 1);
    this.#plans.set(made.data.digest, { author, required, keys: new Set() });
    return null;
  }

  approved(entry: Entry): string | null {
    const approval = Approved.safeParse(flatApproval(entry.detail));
    if (!approval.success) return 'an approval that cannot be read';
    this.approvals += 1;
    const { statement, signature } = approval.data;
    const { digest = statement.plan, keyId = statement.keyId } = approval.data;
    if (statement.plan !== digest || statement.keyId !== keyId) return 'the signed statement is about something else';
    const plan = this.#plans.get(digest);
    if (!plan) return `it approves a plan that is not on the trail (${digest})`;
    if (entry.actor.id === plan.author) return 'the author approved their own plan';
    const key = this.#approvers.get(keyId);
    if (!key) return `it is signed with a key that was not registered then (${keyId})`;
    if (!verifyEd25519(key, Buffer.from(canonical(statement)), Buffer.from(signature, 'base64'))) {
      return `the signature of approver key ${keyId} is forged`;
    }
    plan.keys.add(keyId);
    return null;
  }

  stepFinished(entry: Entry): string | null {
    const detail = flatOutcome(entry.detail);
    if (detail === null) return null;
    const finished = Finished.safeParse(detail);
    if (!finished.success) return 'a host-signed outcome that cannot be read';
    this.outcomes += 1;
    const { plan, outcome, signature, agentId } = finished.data;
    const key = this.#agents.get(agentId);
    if (!key) return `it is signed by an agent that the trail never saw enrol (${agentId})`;
    if (!verifyEd25519(key, Buffer.from(canonical({ plan, outcome })), Buffer.from(signature, 'base64'))) {
      return `the outcome is forged: the signature is not of agent ${agentId}`;
    }
    const { keys, required } = this.#plans.get(plan) ?? { keys: new Set(), required: 1 };
    if (keys.size >= required) return null;
    return `a step of a plan that ${keys.size === 0 ? 'nobody' : `only ${keys.size} of ${required}`} approved (${plan})`;
  }
}

const Loose = z.record(z.string(), z.unknown());

/** `{digest, keyId, statement, signature}`, where the statement may also stand in `approval`. */
function flatApproval(detail: unknown): unknown {
  const outer = Loose.safeParse(detail);
  if (!outer.success) return null;
  const inner = Loose.safeParse(outer.data['approval']);
  return { ...outer.data, ...inner.data };
}

/** Null where the server itself did the step; then no host could sign it. */
function flatOutcome(detail: unknown): unknown {
  const outer = Loose.safeParse(detail);
  if (!outer.success || outer.data['signedBy'] === 'server') return outer.success ? null : {};
  const signer = Loose.safeParse(outer.data['signedBy']);
  const signed = Loose.safeParse(outer.data['signed']);
  return { plan: outer.data['digest'], ...signer.data, ...outer.data, ...signed.data };
}

export function labelOf(entry: Entry): string {
  return `${entry.type}, ${entry.id}`;
}

function parseEntry(text: string): Entry | null {
  try {
    const json: unknown = JSON.parse(text);
    const entry = Entry.safeParse(json);
    return entry.success && canonical(json) === text ? entry.data : null;
  } catch {
    return null;
  }
}

function canonical(value: unknown): string {
  return canonicalize(value) ?? '';
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
