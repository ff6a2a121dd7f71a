import canonicalize from 'canonicalize';
import { createHash } from 'node:crypto';
import type { Client } from '../client/client.ts';
import type { Change } from '../model/change.ts';
import type { Step, StepKind, StepOf } from '../model/kit.ts';
import { Plan, type Task } from '../model/plan.ts';
import { Refusal } from './exit.ts';
import { colours, type Output } from './output.ts';
import { showImpact } from './views.ts';

/**
 * The plan of a change, checked here: what is shown and what is signed must be the same bytes, whatever the server says.
 * A server that shows one plan and asks for a signature under another is the case that signatures are there for.
 */
export async function planToSign(client: Client, change: Change): Promise<Plan> {
  const { text } = await client.getPlan({ params: { id: change.id } });
  const digest = createHash('sha256').update(text).digest('hex');
  if (digest !== change.planDigest)
    throw new Refusal(
      `the server shows a plan with digest ${digest}, but asks to sign ${change.planDigest}; nothing was signed`,
    );
  const plan = readPlan(text);
  if (plan.changeId !== change.id)
    throw new Refusal(`the plan is for change ${plan.changeId}, not ${change.id}; nothing was signed`);
  return plan;
}

function readPlan(text: string): Plan {
  const parsed = Plan.safeParse(JSON.parse(text));
  // Parsing drops what it does not know; a plan that says more than can be shown here is not signed here.
  if (parsed.success && canonicalize(parsed.data) === text) return parsed.data;
  throw new Refusal('the plan holds something that this version cannot show, so it is not signed; update Lastember');
}

/** Everything a signature stands for: digest, hosts, steps with their versions, restarts and who feels it. */
export function showPlan(output: Output, plan: Plan, digest: string): void {
  const c = colours(output);
  output.out(`${c.bold('plan')}  ${digest}`);
  output.out(`  kit        ${plan.kit.id} ${plan.kit.version}`);
  output.out(`  valid      ${plan.notBefore} to ${plan.notAfter}`);
  output.out(
    `  approvals  ${plan.approvalsRequired} needed; a wave stops when more than ${plan.abortAfterFailures} hosts fail`,
  );
  for (const [index, wave] of plan.waves.entries()) {
    output.out(c.bold(`  wave ${index + 1}: ${wave.name}${wave.canary ? ' (canary)' : ''}`));
    for (const task of wave.tasks) showTask(output, task);
  }
  output.out(c.bold('  impact'));
  showImpact(output, plan.impact);
}

function showTask(output: Output, task: Task): void {
  const c = colours(output);
  output.out(`    ${c.bold(task.hostName)}${task.rollback === 'none' ? ' (cannot be undone)' : ''}`);
  for (const [index, step] of task.steps.entries()) output.out(`      ${index + 1}. ${stepInWords(step, task)}`);
}

const WORDS: { [K in StepKind]: (step: StepOf<K>, task: Task) => string } = {
  'upgrade-package': (step, task) => {
    const now = task.relies.find((item) => item.kind === 'package' && item.name === step.name);
    return `upgrade ${step.name}${now?.kind === 'package' ? ` from ${now.version}` : ''} to ${step.version}`;
  },
  'set-file-line': (step) => `in ${step.path} set ${step.key} to ${step.value}`,
  'write-file': (step) => `write ${step.path} (mode ${step.mode}, ${step.content.length} characters)`,
  'set-file-mode': (step) => `set the mode of ${step.path} to ${step.mode}`,
  service: (step) => `${step.action} ${step.name}`,
  sysctl: (step) => `set ${step.key} to ${step.value}`,
  'rotate-key': (step) => `make a new key for ${step.names.join(', ')} (${step.keyPath})`,
  'reissue-certificate': (step) => `have ${step.authority} issue a certificate for ${step.names.join(', ')}`,
  'install-certificate': (step) => `install it in ${step.certificatePath}`,
  'verify-served': (step) => `see from outside that ${step.address}:${step.port} serves the new key`,
  'revoke-certificate': (step) => `have ${step.authority} revoke certificate ${step.serial}`,
  'verify-revoked': (step) => `see certificate ${step.serial} in ${step.crlUrl}`,
  'invalidate-sessions': (step) => `end the sessions of ${step.service}`,
};

export function stepInWords(step: Step, task: Task): string {
  return (WORDS[step.kind] as (step: Step, task: Task) => string)(step, task);
}
