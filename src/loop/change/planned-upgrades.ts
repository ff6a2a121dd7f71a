import { sql } from 'kysely';
import type { Step } from '../../model/kit.ts';
import { packagesOf } from '../../model/step-packages.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import type { PlannedUpgrade } from '../audit/index.ts';

/** To which versions changes that are not over bring packages of these hosts. What was done is seen in facts. */
export async function plannedUpgrades(db: DbOrTx, hostIds: readonly string[]): Promise<PlannedUpgrade[]> {
  if (hostIds.length === 0) return [];
  const { rows } = await sql<{ hostId: string; changeId: string; steps: Step[] }>`
    with due as materialized (
      select t.host_id, t.change_id, t.digest, t.wave, t.place
      from change.task t join change.change c on c.plan_digest = t.digest
      where t.host_id = ${anyOf(hostIds)} and t.state in ('waiting', 'running', 'done')
        and c.state in ('awaiting-approval', 'scheduled', 'running', 'paused', 'verifying')),
    plans as materialized (
      select p.digest, p.text::jsonb as body from change.plan p where p.digest in (select digest from due))
    select due.host_id as "hostId", due.change_id as "changeId",
      plans.body #> array['waves', due.wave::text, 'tasks', due.place::text, 'steps'] as steps
    from due join plans using (digest) order by due.host_id, due.change_id`.execute(db);
  return rows
    .map(({ steps, ...where }) => ({ ...where, packages: steps.flatMap(packagesOf) }))
    .filter(({ packages }) => packages.length > 0);
}
