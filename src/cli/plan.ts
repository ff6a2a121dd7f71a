import type { Plan, Task } from '../model/plan.ts';
import { stepInWords } from '../model/step-words.ts';
import { colours, type Output } from './output.ts';
import { showImpact } from './views.ts';

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
  for (const [index, step] of task.steps.entries()) output.out(`      ${index + 1}. ${stepInWords(step, task.relies)}`);
}
