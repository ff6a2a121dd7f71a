import { sql } from 'kysely';
import { parseTargets } from '../../scan/logic/targets.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { NAME_RANK } from './names.ts';

/**
 * Names by which a host is known, and who says so: itself, lists and sources, and scopes that were given as one name.
 * Which of several names of a scope leads to which address nobody wrote down. What only its certificates call it is left
 * out.
 */
export async function namesOf(db: DbOrTx, hostId: string): Promise<{ name: string; from: string }[]> {
  const { rows } = await sql<{ name: string; source: string }>`
    select name, 'host' as source from discovery.host where id = ${hostId} and name_rank >= ${NAME_RANK.list}
    union
    select hostname, source from discovery.sighting where host_id = ${hostId} and until is null and hostname is not null`.execute(
    db,
  );
  const found = new Map<string, string>();
  for (const { name, source } of rows.toSorted((a, b) => order(a.source) - order(b.source)))
    if (!found.has(name)) found.set(name, source === 'host' ? 'its name' : source);
  for (const { name, scope } of await scopeNames(db, hostId)) if (!found.has(name)) found.set(name, `scope ${scope}`);
  return [...found].map(([name, from]) => ({ name, from })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Who says it in more detail comes first. */
const order = (source: string): number => (source === 'host' ? 1 : 0);

async function scopeNames(db: DbOrTx, hostId: string): Promise<{ name: string; scope: string }[]> {
  const { rows } = await sql<{ scope: string; targets: string[] }>`
    select o.name as scope, l.targets from discovery.scope o
    cross join lateral (select targets, resolved from discovery.scan s where s.scope_id = o.id
      order by s.created_at desc limit 1) l
    where l.resolved ?| array(select address from discovery.address a where a.host_id = ${hostId} and a.current)
    order by o.name`.execute(db);
  return rows.flatMap(({ scope, targets }) => {
    const { names } = parseTargets(targets, { confirmWide: true });
    return names.length === 1 ? [{ name: names[0]!, scope }] : [];
  });
}
