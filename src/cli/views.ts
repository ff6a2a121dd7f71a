import type { Change } from '../model/change.ts';
import type { Impact } from '../model/impact.ts';
import { colours, type Output } from './output.ts';

/** Packages, files and restarts with who is connected, as lines for people. */
export function showImpact(output: Output, impact: Impact): void {
  if (output.json) return output.out(JSON.stringify(impact, null, 2));
  const c = colours(output);
  output.out(impact.summary);
  for (const item of impact.packages) output.out(`  package  ${item.name} ${item.from} → ${item.to}`);
  for (const item of impact.files) output.out(`  file     ${item.path}: ${item.change}`);
  for (const item of impact.restarts) {
    output.out(`  restart  ${c.bold(item.service)} on ${item.hostName}`);
    for (const client of item.clients)
      output.out(
        `           ${client.hostName}${client.unit ? ` (${client.unit})` : ''} has ${client.connections} connection${client.connections === 1 ? '' : 's'}${client.distance > 1 ? `, ${client.distance} hops away` : ''}`,
      );
  }
}

/** A change as an approver needs to see it: digest, hosts, steps, impact. */
export function showChange(output: Output, change: Change): void {
  if (output.json) return output.out(JSON.stringify(change, null, 2));
  const c = colours(output);
  output.out(`${c.bold(change.title)} (${change.id})`);
  output.out(`  state      ${change.state}${change.why ? `: ${change.why}` : ''}`);
  output.out(`  asked by   ${change.authorName}`);
  output.out(`  reason     ${change.reason}`);
  if (change.planDigest) output.out(`  digest     ${change.planDigest}`);
  output.out(
    `  approvals  ${change.approvals.length} of ${change.approvalsRequired}${change.approvals.length ? ` (${change.approvers.map(({ name, keyId }) => `${name}, key ${keyId}`).join('; ')})` : ''}`,
  );
  for (const [index, wave] of change.waves.entries()) {
    output.out(`  wave ${index + 1}${wave.canary ? ' (canary)' : ''}: ${wave.name}, ${wave.state}`);
    for (const task of wave.tasks)
      output.out(
        `    ${task.hostName}: ${task.state}, step ${task.step} of ${task.steps}${task.error ? `: ${c.red(task.error)}` : ''}`,
      );
  }
  if (change.predicted) {
    output.out('predicted impact:');
    showImpact(output, change.predicted);
  }
  if (change.observed) {
    output.out('observed impact:');
    showImpact(output, change.observed);
  }
}
