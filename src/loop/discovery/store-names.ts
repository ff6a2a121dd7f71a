import { sql } from 'kysely';
import { LOCAL_SITE } from '../../model/site.ts';
import { anyOf } from '../../platform/db/many.ts';
import { parseTargets } from '../../scan/logic/targets.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { NAME_RANK } from './names.ts';

/**
 * Names by which a host is known, and who says so: itself, lists and sources, and scopes that were given by name.
 * What only its certificates call it is left out.
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
  const { rows } = await sql<{ scope: string; targets: string[]; named: string[] }>`
    with own as (select array(select address from discovery.address a where a.host_id = ${hostId} and a.current) as at)
    select o.name as scope, l.targets,
      array(select jsonb_array_elements_text(l.named -> address) from unnest(own.at) address) as named
    from own cross join discovery.scope o
    cross join lateral (select targets, resolved, named from discovery.scan s where s.scope_id = o.id
      order by s.created_at desc limit 1) l
    where l.resolved ?| own.at order by o.name`.execute(db);
  return rows.flatMap(({ scope, targets, named }) => {
    if (named.length > 0) return [...new Set(named)].map((name) => ({ name, scope }));
    // A scan from before it was written down which of its names leads where.
    const { names } = parseTargets(targets, { confirmWide: true });
    return names.length === 1 ? [{ name: names[0]!, scope }] : [];
  });
}

/** What the hosts at these addresses are called by themselves, by lists and by sources; the latest word first. */
export async function namesAtAddresses(
  db: DbOrTx,
  addresses: readonly string[],
  site = LOCAL_SITE,
): Promise<Map<string, string[]>> {
  if (addresses.length === 0) return new Map();
  const { rows } = await sql<{ address: string; name: string }>`
    with here as (select host_id, address from discovery.address
      where address = ${anyOf(addresses)} and current and site = ${site})
    select address, name from (
      select here.address, s.hostname as name, s.at from here
        join discovery.sighting s on s.host_id = here.host_id and s.until is null and s.hostname is not null
      union all
      select here.address, h.name, h.first_seen from here
        join discovery.host h on h.id = here.host_id and h.name_rank >= ${NAME_RANK.list}) told
    order by address, at desc, name`.execute(db);
  const found = new Map<string, string[]>();
  for (const { address, name } of rows) found.set(address, [...(found.get(address) ?? []), name]);
  return found;
}
