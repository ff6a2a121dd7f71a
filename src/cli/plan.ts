import type { Plan, Task } from '../model/plan.ts';
import { contentOf, stepInWords } from '../model/step-words.ts';
import { colours, count, type Output } from './output.ts';
import { namesIn, showImpact } from './views.ts';

const tasksOf = (plan: Plan): Task[] => plan.waves.flatMap((wave) => wave.tasks);

/** How many findings on how many hosts, and which hosts are in the plan without one. */
export function coverage(plan: Plan): string[] {
  const tasks = tasksOf(plan);
  const findings = new Set(tasks.flatMap((task) => task.findings)).size;
  const without = tasks.filter((task) => task.findings.length === 0);
  const more = without.length > 0 ? `, and ${count(without.length, 'more host')} without one` : '';
  return [
    `${count(findings, 'finding')} on ${count(tasks.length - without.length, 'host')}${more}`,
    ...without.map((task) => `${task.hostName}: ${whyWithout(task)}`),
  ];
}

const whyWithout = (task: Task): string =>
  task.steps.some((step) => step.kind === 'rotate-key')
    ? 'no finding of its own; it holds a key that leaked, and gets a new one'
    : 'no finding of its own; it is there for what its campaign still needs';

/** Everything a signature stands for: digest, hosts, steps with their versions, restarts and who feels it. */
export function showPlan(output: Output, plan: Plan, digest: string): void {
  const c = colours(output);
  output.out(`${c.bold('plan')}  ${digest}`);
  output.out(`  kit        ${plan.kit.id} ${plan.kit.version}`);
  for (const [index, line] of coverage(plan).entries())
    output.out(`  ${index === 0 ? 'covers' : '      '}     ${line}`);
  output.out(`  valid      ${plan.notBefore} to ${plan.notAfter}`);
  output.out(
    `  approvals  ${plan.approvalsRequired} needed; a wave stops when more than ${plan.abortAfterFailures} hosts fail`,
  );
  for (const [index, wave] of plan.waves.entries()) {
    output.out(c.bold(`  wave ${index + 1}: ${wave.name}${wave.canary ? ' (canary)' : ''}`));
    for (const task of wave.tasks) showTask(output, task);
  }
  output.out(c.bold('  impact'));
  showImpact(output, plan.impact, namesIn(tasksOf(plan)));
}

function showTask(output: Output, task: Task): void {
  const c = colours(output);
  output.out(
    `    ${c.bold(task.hostName)}${task.over === 'ssh' ? ' (over SSH: it has no agent, and signs nothing)' : ''}${task.rollback === 'none' ? ' (cannot be undone)' : ''}`,
  );
  for (const [index, step] of task.steps.entries()) {
    output.out(`      ${index + 1}. ${stepInWords(step, task.relies)}`);
    for (const line of contentOf(step)?.split('\n') ?? []) output.out(`         ${c.dim('|')} ${line}`);
  }
}
