import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as z from 'zod';
import { SERVER_STEPS } from '../../../model/kit.ts';
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
/** What the server says it did itself; only steps that are its own, and only in an approved plan. */
const ByServer = z.object({
  digest: Sha256,
  step: z.string(),
  host: z.string(),
  index: z.number().int(),
  /** the host has no agent: the server did its step over SSH, by this access */
  overSsh: z.string().optional(),
});
type ByServer = z.infer<typeof ByServer>;
const Granted = z.object({ accessId: z.string(), approverKeyIds: z.array(z.string()) });
const PlannedTask = z.object({
  hostName: z.string(),
  agentId: z.string().optional(),
  over: z.string().optional(),
  steps: z.array(z.object({ kind: z.string() })),
});
const PlannedTasks = z.object({ waves: z.array(z.object({ tasks: z.array(PlannedTask) })) });
type PlannedTask = z.infer<typeof PlannedTask>;
const HEALTH = 'health check';
const Finished = z.object({ plan: Sha256, outcome: StepOutcome.loose(), signature: z.string(), agentId: z.string() });

/** What an entry rests on and the trail does not hold. Where the trail was damaged, that may be all that is wrong. */
interface Missing {
  why: string;
  what: string;
}
type Problem = string | Missing | null;
type Check = (claims: Claims, entry: Entry) => Problem;
const CHECKS: Record<string, Check> = {
  'enrollment.access.granted': (claims, entry) => claims.granted(entry),
  'enrollment.agent.enrolled': (claims, entry) => claims.enrolled(entry),
  'change.plan.made': (claims, entry) => claims.planMade(entry),
  'change.plan.approved': (claims, entry) => claims.approved(entry),
  'change.step.finished': (claims, entry) => claims.stepFinished(entry),
  'enrollment.deployment.planned': (claims, entry) => (signs(entry) ? claims.deploymentPlanned(entry) : null),
  'enrollment.deployment.approved': (claims, entry) => claims.approved(entry),
  'enrollment.deployment.started': (claims, entry) => claims.deploymentStarted(entry),
  'enrollment.rule.added': (claims, entry) => claims.ruleAdded(entry),
  'enrollment.rule.approved': (claims, entry) => claims.approved(entry),
};
/** Most deployments need nobody's signature; those that do state the digest of what is signed. */
const Signs = z.looseObject({ digest: Sha256 });
const ByRule = z.looseObject({ rule: z.string() });
const RuleAdded = z.object({ digest: Sha256, plan: z.looseObject({ standing: z.boolean() }) });
const signs = (entry: Entry): boolean => Signs.safeParse(entry.detail).success;

interface PlanClaim {
  author: string;
  required: number;
  people: Set<string>;
  /** approver key → who approved with it */
  keys: Map<string, string>;
  /** by host */
  tasks: Map<string, PlannedTask[]>;
}

export class Claims {
  readonly #problems: (string | { index: number; text: string; what: string })[] = [];
  plans = 0;
  approvals = 0;
  outcomes = 0;
  /** steps of hosts that no host could sign, and on which */
  observed = 0;
  readonly unsigned = new Set<string>();
  /** access over SSH → approver keys that were pinned to it */
  #accesses = new Map<string, ReadonlySet<string>>();
  #agents = new Map<string, Buffer>();
  /** whoever registered a key is the person who signs with it, however many keys that person has */
  #approvers = new Map<string, { key: Buffer; person: string }>();
  #plans = new Map<string, PlanClaim>();
  /** deployment → digest of what had to be approved */
  #deployments = new Map<string, string>();
  #rules = new Map<string, { digest: string; standing: boolean }>();

  /** Returns the entry for its label, or null when the text is none. */
  read(index: number, text: string): Entry | null {
    const entry = parseEntry(text);
    if (!entry) {
      this.#problems.push(`entry ${index} is not a canonical trail entry`);
      return null;
    }
    this.#learnKeys(entry);
    const problem = CHECKS[entry.type]?.(this, entry);
    if (problem) this.#problems.push(told(index, entry, problem));
    return entry;
  }

  /** `damaged`: entries are missing. What rests on something that is not there is then said once, as what it may be. */
  problems(damaged: boolean): string[] {
    if (!damaged) return this.#problems.map((one) => (typeof one === 'string' ? one : one.text));
    const resting = Map.groupBy(
      this.#problems.filter((one) => typeof one !== 'string'),
      (one) => one.what,
    );
    return [
      ...this.#problems.filter((one) => typeof one === 'string'),
      ...[...resting].map(([what, some]) => {
        const which = some.map(({ index }) => index).join(', ');
        const entries = some.length === 1 ? `entry ${which} rests` : `entries ${which} rest`;
        return `possibly a consequence of the damage to the trail: ${entries} on ${what}, which is not there`;
      }),
    ];
  }

  /** Whoever registers approvers' keys puts keyId and publicKey into the entry, whatever its type is called. */
  #learnKeys(entry: Entry): void {
    if (entry.subject.kind !== 'key') return;
    if (entry.type.endsWith('.revoked')) return void this.#approvers.delete(entry.subject.id);
    const key = KeyAdded.safeParse(entry.detail);
    if (!key.success) return;
    const { keyId, publicKey } = key.data;
    this.#approvers.set(keyId, { key: Buffer.from(publicKey, 'base64'), person: entry.actor.id });
  }

  enrolled(entry: Entry): Problem {
    const agent = Enrolled.safeParse(entry.detail);
    if (!agent.success) return 'an enrollment without the agent’s key';
    const key = Buffer.from(agent.data.publicKey, 'base64');
    const known = this.#agents.get(agent.data.agentId);
    if (known && !known.equals(key)) return `agent ${agent.data.agentId} enrolled before with another key`;
    this.#agents.set(agent.data.agentId, key);
    return null;
  }

  granted(entry: Entry): Problem {
    const access = Granted.safeParse(entry.detail);
    // Before changes over SSH an access had no name, and nothing could be done by it.
    if (access.success) this.#accesses.set(access.data.accessId, new Set(access.data.approverKeyIds));
    return null;
  }

  planMade(entry: Entry): Problem {
    const made = PlanMade.safeParse(entry.detail);
    if (!made.success) return 'a plan that cannot be read';
    this.plans += 1;
    if (sha256(canonical(made.data.plan)) !== made.data.digest) return 'the plan does not have the digest stated';
    const { author } = made.data.plan;
    const required = Number(made.data.plan['approvalsRequired'] ?? 1);
    const tasks = tasksIn(made.data.plan);
    this.#plans.set(made.data.digest, { author, required, people: new Set(), keys: new Map(), tasks });
    return null;
  }

  approved(entry: Entry): Problem {
    const approval = Approved.safeParse(flatApproval(entry.detail));
    if (!approval.success) return 'an approval that cannot be read';
    this.approvals += 1;
    const { statement, signature } = approval.data;
    const { digest = statement.plan, keyId = statement.keyId } = approval.data;
    if (statement.plan !== digest || statement.keyId !== keyId) return 'the signed statement is about something else';
    const plan = this.#plans.get(digest);
    if (!plan) return { why: `it approves a plan that is not on the trail (${digest})`, what: planNamed(digest) };
    if (entry.actor.id === plan.author) return 'the author approved their own plan';
    const approver = this.#approvers.get(keyId);
    if (!approver) {
      const why = `it is signed with a key that was not registered then (${keyId})`;
      return { why, what: `the registration of approver key ${keyId}` };
    }
    if (approver.person === plan.author) return 'the author approved their own plan, with a key of their own';
    if (!verifyEd25519(approver.key, Buffer.from(canonical(statement)), Buffer.from(signature, 'base64'))) {
      return `the signature of approver key ${keyId} is forged`;
    }
    plan.people.add(approver.person);
    plan.keys.set(keyId, approver.person);
    return null;
  }

  stepFinished(entry: Entry): Problem {
    const detail = flatOutcome(entry.detail);
    if (detail === null) return this.#byServer(entry);
    const finished = Finished.safeParse(detail);
    if (!finished.success) return 'a host-signed outcome that cannot be read';
    this.outcomes += 1;
    const { plan, outcome, signature, agentId } = finished.data;
    const key = this.#agents.get(agentId);
    if (!key) {
      const why = `it is signed by an agent that the trail never saw enrol (${agentId})`;
      return { why, what: `the enrollment of agent ${agentId}` };
    }
    if (!verifyEd25519(key, Buffer.from(canonical({ plan, outcome })), Buffer.from(signature, 'base64'))) {
      return `the outcome is forged: the signature is not of agent ${agentId}`;
    }
    return this.#approvalProblem(plan);
  }

  deploymentPlanned(entry: Entry): Problem {
    this.#deployments.set(entry.subject.id, Signs.parse(entry.detail).digest);
    return this.planMade(entry);
  }

  ruleAdded(entry: Entry): Problem {
    const rule = RuleAdded.safeParse(entry.detail);
    if (rule.success) this.#rules.set(entry.subject.id, { ...rule.data, standing: rule.data.plan.standing });
    return this.planMade(entry);
  }

  /** By an approval of its own, by that of a standing rule, or by whoever may deploy without one. */
  deploymentStarted(entry: Entry): Problem {
    const planned = this.#deployments.get(entry.subject.id);
    const said = Signs.safeParse(entry.detail).data?.digest;
    if (planned !== undefined && said !== planned) return 'it began otherwise than it was planned for approval';
    if (said !== undefined) return this.#approvalProblem(said);
    const asked = ByRule.safeParse(entry.detail);
    if (!asked.success) return null;
    const rule = this.#rules.get(asked.data.rule);
    if (!rule)
      return { why: 'a rule asked for it that is not on the trail', what: `deployment rule ${asked.data.rule}` };
    return rule.standing ? this.#approvalProblem(rule.digest) : 'a rule that is no standing one began it by itself';
  }

  #byServer(entry: Entry): Problem {
    const done = ByServer.safeParse(entry.detail);
    if (!done.success) return 'a step of the server that does not say of which plan and host it is';
    const { digest, step, host, index } = done.data;
    const problem = this.#approvalProblem(digest);
    if (problem) return problem;
    if (step !== HEALTH && !(SERVER_STEPS as readonly string[]).includes(step)) return this.#overSsh(done.data);
    const planned = this.#plans.get(digest)!.tasks.get(host) ?? [];
    const named = planned.some(({ steps }) => (step === HEALTH ? index === steps.length : steps[index]?.kind === step));
    return named ? null : `the plan has no step ${index}, ${step}, for ${host}`;
  }

  /** Only where the approved plan itself says that the host has no agent, and by approvers who were pinned to it. */
  #overSsh({ digest, step, host, index, overSsh }: ByServer): Problem {
    const unsigned = `a step of the host (${step}) that no host signed`;
    if (overSsh === undefined) return unsigned;
    const plan = this.#plans.get(digest)!;
    const task = plan.tasks.get(host)?.find((one) => one.over === 'ssh' && one.agentId === overSsh);
    if (!task) return `${unsigned}, and the plan does not say that ${host} is changed over SSH by ${overSsh}`;
    if (task.steps[index]?.kind !== step) return `the plan has no step ${index}, ${step}, for ${host}`;
    const pinned = this.#accesses.get(overSsh);
    if (!pinned) {
      const why = `it was done by an access that the trail never saw granted (${overSsh})`;
      return { why, what: `the granting of access ${overSsh}` };
    }
    const people = new Set([...plan.keys].flatMap(([keyId, person]) => (pinned.has(keyId) ? [person] : [])));
    if (people.size < plan.required)
      return `only ${people.size} of ${plan.required} approvals are by approvers who were pinned to ${host}`;
    this.observed += 1;
    this.unsigned.add(host);
    return null;
  }

  /** By people, not by keys: one person may have several. */
  #approvalProblem(digest: string): Problem {
    const plan = this.#plans.get(digest);
    if (!plan) {
      const why = `a step of a plan that nobody approved, and that is not on the trail (${digest})`;
      return { why, what: planNamed(digest) };
    }
    const { size } = plan.people;
    if (size >= plan.required) return null;
    const why = `a step of a plan that ${size === 0 ? 'nobody' : `only ${size} of ${plan.required}`} approved (${digest})`;
    return { why, what: `an approval of plan ${digest}` };
  }
}

const planNamed = (digest: string): string => `plan ${digest}`;

function told(index: number, entry: Entry, problem: string | Missing) {
  const text = (why: string): string => `entry ${index} (${labelOf(entry)}): ${why}`;
  return typeof problem === 'string' ? text(problem) : { index, text: text(problem.why), what: problem.what };
}

function tasksIn(plan: unknown): PlanClaim['tasks'] {
  const parsed = PlannedTasks.safeParse(plan);
  const tasks: PlanClaim['tasks'] = new Map();
  for (const task of parsed.success ? parsed.data.waves.flatMap((wave) => wave.tasks) : []) {
    tasks.set(task.hostName, [...(tasks.get(task.hostName) ?? []), task]);
  }
  return tasks;
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
