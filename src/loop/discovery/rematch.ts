import { endpointName } from '../../model/endpoint-name.ts';
import { systemActor } from '../../model/actor.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { matchAgain } from '../../scan/probes/match-again.ts';
import { serviceOf, summaryOf } from '../../scan/logic/describe.ts';
import { rejudge } from './rejudge.ts';
import { setMatched, type UnknownRow, unknownAfter } from './store-endpoints.ts';
import { addHistory } from './store-looks.ts';
import { hostRow } from './store-hosts.ts';
import { holdIdle } from './store-presence.ts';

const AT_ONCE = 500;

export interface Rematched {
  /** unknown services of which something was kept */
  looked: number;
  /** of those, how many are known now */
  known: number;
}

/** Tries the probes of today on what was kept of services that nobody knew. Nothing is sent to anybody. */
export async function rematch(platform: Platform): Promise<Rematched> {
  const told: Rematched = { looked: 0, known: 0 };
  for (let after = ''; ;) {
    const rows = await unknownAfter(platform.db, after, AT_ONCE);
    if (rows.length === 0) return told;
    told.looked += rows.length;
    told.known += await platform.observe(systemActor('discovery.rematch'), (tx) => matchRows(tx, rows));
    after = rows.at(-1)!.id;
  }
}

async function matchRows(tx: Tx, rows: readonly UnknownRow[]): Promise<number> {
  let known = 0;
  // Who is written of just now is looked at anyway; and nobody waits in a circle.
  const idle = await holdIdle(tx.db, [...new Set(rows.map((row) => row.host_id))]);
  for (const row of rows.filter(({ host_id }) => idle.has(host_id))) {
    const probe = matchAgain(row.probe);
    // A look in the meantime knows better.
    if (!probe || !(await setMatched(tx.db, row, { service: serviceOf(probe), probe }))) continue;
    known++;
    await addHistory(tx.db, [{ endpointId: row.id, at: tx.now, probe }]);
    const host = await hostRow(tx.db, row.host_id);
    const name = endpointName(row);
    await tx.record({
      type: 'discovery.endpoint.changed',
      subject: { kind: 'endpoint', id: row.id, name },
      related: [{ kind: 'host', id: row.host_id, ...(host ? { name: host.name } : {}) }],
      detail: {
        endpoint: name,
        hostName: host?.name ?? row.host_id,
        service: serviceOf(probe),
        before: summaryOf(row.probe),
        after: summaryOf(probe),
        why: probe.what,
      },
    });
    await rejudge(tx, row.host_id);
  }
  return known;
}
