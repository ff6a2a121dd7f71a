import { sql } from 'kysely';
import type { ProcessFact } from '../../model/facts.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { type Orphan, orphansOf } from './logic/orphans.ts';
import { q } from './tables.ts';

export async function orphans(db: DbOrTx, hostId: string): Promise<Orphan[]> {
  const rows = await q(db).selectFrom('audit.orphan').selectAll().where('host_id', '=', hostId).execute();
  return rows.map((row) => ({ pid: row.pid, startedAt: row.started_at, packages: row.packages }));
}

/** Of a list of processes; with `orphaned`, only those that run replaced files of nobody's: on most hosts, none. */
async function processesOf(db: DbOrTx, hash: string | null, pids: number[] | 'orphaned'): Promise<ProcessFact[]> {
  if (hash === null) return [];
  const which =
    pids === 'orphaned' ? sql`p @? '$.replaced[*] ? (@.package == null)'` : sql`(p ->> 'pid')::integer = any(${pids})`;
  const { rows } = await sql<{ p: ProcessFact }>`select p from audit.section_content c
    cross join jsonb_array_elements(c.data) p
    where c.name = 'processes' and c.hash = ${hash} and ${which}`.execute(db);
  return rows.map((row) => row.p);
}

/** The host's processes are others than before: what is known of those whose old files no package knows any more. */
export async function followOrphans(db: DbOrTx, hostId: string, before: string | null, now: string): Promise<void> {
  const found = await processesOf(db, now, 'orphaned');
  const known = await orphans(db, hostId);
  if (found.length === 0 && known.length === 0) return;
  const earlier = await processesOf(
    db,
    before,
    found.map((process) => process.pid),
  );
  await q(db).deleteFrom('audit.orphan').where('host_id', '=', hostId).execute();
  const values = orphansOf(earlier, found, known).map(({ pid, startedAt, packages }) => {
    return { host_id: hostId, pid, started_at: startedAt, packages: [...packages] };
  });
  if (values.length > 0) await q(db).insertInto('audit.orphan').values(values).execute();
}
