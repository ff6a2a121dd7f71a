import { sql } from 'kysely';
import type { MapLink } from '../../model/map.ts';
import type { DbOrTx } from '../../platform/context.ts';

/** Whoever asks or answers. */
export async function connectedHosts(db: DbOrTx): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select client_host_id as id from impact.dependency union select server_host_id from impact.dependency`.execute(db);
  return rows.map(({ id }) => id);
}

const MOST_PORTS = 12;

/** Who talks to whom, with each host standing for the node that it is shown in; the strongest links first. */
export async function linksBetween(
  db: DbOrTx,
  places: readonly { hostId: string; node: string }[],
  most: number,
): Promise<{ links: MapLink[]; more: number }> {
  if (places.length === 0) return { links: [], more: 0 };
  const { rows } = await sql<MapLink & { all: number }>`
    with place as (select * from unnest(${places.map(({ hostId }) => hostId)}::text[],
      ${places.map(({ node }) => node)}::text[]) t (host_id, node))
    select c.node as "from", s.node as "to", count(distinct (d.client_host_id, d.server_host_id)) as pairs,
      sum(d.connections) as connections,
      (array_agg(distinct d.port order by d.port))[1:${sql.lit(MOST_PORTS)}] as ports, count(*) over () as "all"
    from impact.dependency d
      join place c on c.host_id = d.client_host_id join place s on s.host_id = d.server_host_id
    where d.client_host_id <> d.server_host_id
    group by c.node, s.node order by pairs desc, 1, 2 limit ${most}`.execute(db);
  const links = rows.map(({ from, to, pairs, connections, ports }) => ({
    from,
    to,
    pairs: Number(pairs),
    connections: Number(connections),
    ports,
  }));
  return { links, more: Math.max(0, Number(rows[0]?.all ?? 0) - links.length) };
}
