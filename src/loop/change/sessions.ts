import { sql } from 'kysely';
import type { Exposure, Finding } from '../../model/finding.ts';
import type { DbOrTx } from '../../platform/context.ts';

/** The last time that a key burnt here, or what had been fixed came back: what was done before does not count. */
export function burntSince(
  exposures: readonly Pick<Exposure, 'openedAt'>[],
  findings: readonly Pick<Finding, 'rekindledAt'>[],
): string | null {
  const times = [...exposures.map((one) => one.openedAt), ...findings.flatMap((one) => one.rekindledAt ?? [])];
  return times.sort().at(-1) ?? null;
}

/**
 * When did the host itself last say, signed, that it replaced the session secret of this service? Null: not since then.
 * `service` null: nothing is known of a service, so nothing was invalidated.
 */
export async function sessionsInvalidated(
  db: DbOrTx,
  hostId: string,
  service: string | null,
  since: string,
): Promise<string | null> {
  if (service === null) return null;
  const { rows } = await sql<{ at: string }>`
    select o.outcome ->> 'finishedAt' as at
    from change.outcome o join change.task t on t.id = o.task_id
    where t.host_id = ${hostId} and o.phase = 'apply' and o.signature is not null
      and o.outcome ->> 'kind' = 'invalidate-sessions' and (o.outcome ->> 'ok')::boolean
      and coalesce(o.outcome -> 'after' ->> 'service', o.outcome -> 'before' ->> 'service') = ${service}
      and o.stored_at >= ${since}::timestamptz
    order by o.stored_at desc limit 1`.execute(db);
  return rows[0]?.at ?? null;
}
