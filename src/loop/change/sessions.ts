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

/** When the host itself said, signed, that it replaced the session secret of this service; null: not since then. */
export type Sessions = (hostId: string, service: string | null, since: string) => string | null;

/** Of all these hosts at once. `service` null: nothing is known of a service, so nothing was invalidated. */
export async function sessionsOf(db: DbOrTx, hostIds: readonly string[]): Promise<Sessions> {
  if (hostIds.length === 0) return () => null;
  const { rows } = await sql<{ host: string; service: string; at: string; stored: Date }>`
    select distinct on (1, 2) t.host_id as host,
      coalesce(o.outcome -> 'after' ->> 'service', o.outcome -> 'before' ->> 'service') as service,
      o.outcome ->> 'finishedAt' as at, o.stored_at as stored
    from change.outcome o join change.task t on t.id = o.task_id
    where t.host_id = any(${[...hostIds]}::text[]) and o.phase = 'apply' and o.signature is not null
      and o.outcome ->> 'kind' = 'invalidate-sessions' and (o.outcome ->> 'ok')::boolean
    order by 1, 2, o.stored_at desc`.execute(db);
  const newest = new Map(rows.map((row) => [`${row.host}\n${row.service}`, row]));
  return (hostId, service, since) => {
    const row = service === null ? undefined : newest.get(`${hostId}\n${service}`);
    return row && row.stored.getTime() >= Date.parse(since) ? row.at : null;
  };
}
