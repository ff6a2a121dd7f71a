import type { Change } from '../model/change.ts';
import type { Impact } from '../model/impact.ts';
import { colours, count, type Output } from './output.ts';

/** Nothing found means nothing where nobody has looked. */
export const NOBODY_LOOKED =
  'Nothing was looked at yet: no host is known. Look for some: lastember scope add office 192.0.2.0/24, then lastember scan office';

/** The name of a host by its id. */
export type NameOf = (hostId: string) => string;

/** Packages, files and restarts with who is connected, as lines for people. */
export function showImpact(output: Output, impact: Impact, nameOf: NameOf): void {
  if (output.json) return output.out(JSON.stringify(impact, null, 2));
  const c = colours(output);
  output.out(impact.summary);
  for (const [what, all] of Map.groupBy(impact.packages, (item) => `${item.name} ${item.from} → ${item.to}`))
    output.out(`  package  ${what} on ${all.map((item) => nameOf(item.hostId)).join(', ')}`);
  for (const item of impact.files) output.out(`  file     ${item.path} on ${nameOf(item.hostId)}: ${item.change}`);
  for (const item of impact.restarts) {
    output.out(`  restart  ${c.bold(item.service)} on ${item.hostName}`);
    for (const client of item.clients)
      output.out(
        `           ${client.hostName}${client.unit ? ` (${client.unit})` : ''} has ${count(client.connections, 'connection')}${client.distance > 1 ? `, ${client.distance} hops away` : ''}`,
      );
  }
}

/** Names of hosts as their tasks say them. */
export function namesIn(tasks: readonly { hostId: string; hostName: string }[]): NameOf {
  const names = new Map(tasks.map(({ hostId, hostName }) => [hostId, hostName]));
  return (hostId) => names.get(hostId) ?? hostId;
}

/** A change as an approver needs to see it: digest, what it covers, hosts, steps, impact. */
export function showChange(output: Output, change: Change, covers: readonly string[] = []): void {
  if (output.json) return output.out(JSON.stringify(change, null, 2));
  showHead(output, change, covers);
  showWaves(output, change);
  const nameOf = namesIn(change.waves.flatMap((wave) => wave.tasks));
  if (change.predicted) {
    output.out('predicted impact:');
    showImpact(output, change.predicted, nameOf);
  }
  if (change.observed) {
    output.out('observed impact:');
    showImpact(output, change.observed, nameOf);
  }
}

function showHead(output: Output, change: Change, covers: readonly string[]): void {
  const c = colours(output);
  output.out(`${c.bold(change.title)} (${change.id})`);
  output.out(`  state      ${change.state}${change.why ? `: ${change.why}` : ''}`);
  output.out(`  asked by   ${change.authorName}`);
  output.out(`  reason     ${change.reason}`);
  if (change.planDigest) output.out(`  digest     ${change.planDigest}`);
  for (const [index, line] of covers.entries()) output.out(`  ${index === 0 ? 'covers' : '      '}     ${line}`);
  output.out(
    `  approvals  ${change.approvals.length} of ${change.approvalsRequired}${change.approvals.length ? ` (${change.approvers.map(({ name, keyId }) => `${name}, key ${keyId}`).join('; ')})` : ''}`,
  );
}

const whyOf = (task: Change['waves'][number]['tasks'][number], c: ReturnType<typeof colours>): string => {
  if (task.error) return `: ${c.red(task.error)}`;
  return task.note ? `: tried again, ${task.note}` : '';
};

function showWaves(output: Output, change: Change): void {
  const c = colours(output);
  for (const [index, wave] of change.waves.entries()) {
    output.out(`  wave ${index + 1}${wave.canary ? ' (canary)' : ''}: ${wave.name}, ${wave.state}`);
    for (const task of wave.tasks)
      output.out(
        `    ${task.hostName}${task.over === 'ssh' ? ' (over SSH)' : ''}: ${task.state}, step ${task.step} of ${task.steps}${whyOf(task, c)}`,
      );
  }
}
