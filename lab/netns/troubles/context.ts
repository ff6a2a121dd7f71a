import assert from 'node:assert/strict';
import { until } from '../../demo/run/wait.ts';
import type { Change } from '../../../src/model/change.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { Rows } from '../rows/context.ts';

/** Hosts of a change with how their tasks ended. */
export const results = ({ waves }: Change): string[] =>
  waves.flatMap(({ tasks }) => tasks.map(({ hostName, state }) => `${hostName} ${state}`)).sort();

/** All that a change says of what went wrong. */
export const told = ({ why, waves }: Change): string =>
  [
    why,
    ...waves.flatMap(({ tasks }) => tasks.map(({ hostName, error, note }) => `${hostName}: ${error} ${note ?? ''}`)),
  ].join('\n');

/** The open finding of this check on each of the hosts, from a look that `fits`: an earlier one may still stand. */
export async function openFindings(
  rows: Rows,
  names: readonly string[],
  { kit, check }: { kit: string; check: string },
  fits: (finding: Finding) => boolean = () => true,
): Promise<Finding[]> {
  const { operator } = rows.server;
  const ids = await Promise.all(names.map(async (name) => (await rows.server.host(name)).id));
  return until(
    `${check} on ${names.join(', ')}`,
    120,
    async () => {
      await operator.startAudit({ body: { hostIds: ids } });
      const { items } = await operator.listFindings({ query: { kit, state: ['open', 'rekindled'] } });
      const found = ids.map((id) => items.find((one) => one.hostId === id && one.check === check && fits(one)));
      return found.every((one) => one !== undefined) ? found : null;
    },
    2000,
  );
}

/** One security update is pending on each of these hosts, and it is this one. */
export const pendingOnly = (rows: Rows, names: readonly string[], update: string): Promise<Finding[]> =>
  openFindings(
    rows,
    names,
    { kit: 'security-updates', check: 'security-updates-pending' },
    ({ evidence }) => JSON.stringify(evidence['packages']) === JSON.stringify([update]),
  );

/** A change for these findings and nothing else, planned and approved. */
export async function plannedFor(rows: Rows, findings: readonly Finding[]): Promise<Change> {
  const { server } = rows;
  const body = {
    findings: findings.map(({ id }) => id),
    title: `${findings[0]!.check} on ${findings.map(({ hostName }) => hostName).join(', ')}`,
    reason: 'a test of the lab',
  };
  const { change } = await server.people.author.createChange({ body });
  await until('the plan to be made', 120, async () => (await server.changeNow(change.id)).planDigest);
  await server.approve('change', 'approve', change.id);
  return server.changeNow(change.id);
}

/** The host whose turn it is first. */
export function canaryOf({ waves }: Change): string {
  assert.ok(waves[0]!.canary && waves[0]!.tasks.length === 1);
  return waves[0]!.tasks[0]!.hostName;
}

/** Types of the trail's entries about this, the oldest first. */
export async function trailOf(rows: Rows, subject: string): Promise<string[]> {
  const { items } = await rows.server.operator.listTrail({ query: { subject, limit: 1000 } });
  return items.map(({ entry }) => (entry as { type: string }).type);
}
