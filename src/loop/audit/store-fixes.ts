import { sql } from 'kysely';
import type { Fix, Fixes } from '../../model/vulnerability.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { ownVersion } from './logic/kernels.ts';
import { packagesOn } from './store-vulnerabilities.ts';
import { versionOrder } from './versions/registry.ts';

/** What runs out of which package on the host; the same on many of them, and written where it changed. */
export async function noteUses(db: DbOrTx, hostId: string, uses: readonly string[]): Promise<void> {
  const digest = sha256Hex(canonicalBytes(uses));
  const { rows } = await sql<{ same: boolean }>`
    select u.digest = ${digest} as same from audit.host_system s left join audit.process_use u on u.id = s.use_id
    where s.host_id = ${hostId}`.execute(db);
  if (rows.length === 0 || rows[0]!.same) return;
  await sql`with own as (insert into audit.process_use as u (digest, uses) values (${digest}, ${[...uses]}::text[])
      on conflict (digest) do update set digest = u.digest returning id)
    update audit.host_system set use_id = own.id from own where host_id = ${hostId}`.execute(db);
}

interface Group {
  ecosystem: string;
  release: string | null;
  source: string;
  real_source: string;
  version: string;
  ids: number[];
  names: string[];
  fixes: string[];
  advisories: string[];
  exploited: string;
  priority: number;
}

/** What one would do, the most urgent first. A package that no host has any more is left out. */
export async function listFixes(db: DbOrTx, query: { hostId?: string | undefined; limit: number }): Promise<Fixes> {
  const found = await fixesFor(db, query);
  return query.hostId === undefined ? found : { ...found, items: await toldApart(db, query.hostId, found.items) };
}

/** With what the host's own archives lack: some of what the newest fix is for may be had all the same. */
async function toldApart(db: DbOrTx, hostId: string, items: readonly Fix[]): Promise<Fix[]> {
  const packages = await packagesOn(db, [hostId], [...new Set(items.flatMap(({ advisories }) => advisories))]);
  const lacking = packages.flatMap((one) => (one.unavailable === undefined ? [] : [one]));
  return items.map((item) => {
    const own = lacking.find(
      (one) =>
        one.fix === item.to &&
        one.ecosystem === item.ecosystem &&
        one.release === item.release &&
        one.source === item.source &&
        one.sourceVersion === item.from &&
        item.advisories.includes(one.advisory),
    );
    return own === undefined ? item : { ...item, unavailable: own.unavailable };
  });
}

async function fixesFor(db: DbOrTx, query: { hostId?: string | undefined; limit: number }): Promise<Fixes> {
  const items: Fix[] = [];
  // One more than wanted tells whether there are more. Mostly some host has each, and one question is all.
  for (const some of chunks(await groups(db, query.hostId), query.limit + 1)) {
    const having = await havingOf(db, some);
    const uses = await usesOf(db, some, having);
    for (const [index, group] of some.entries()) {
      const own = having.get(index);
      if (own === undefined) continue;
      if (items.length === query.limit) return { items, more: true };
      items.push(toFix(group, own, uses));
    }
  }
  return { items, more: false };
}

function toFix(group: Group, having: readonly Having[], uses: Uses): Fix {
  const { ecosystem, release, source, advisories, priority } = group;
  const order = versionOrder(ecosystem);
  const to = group.fixes.reduce((a, b) => ((order?.(a, b) ?? 0) < 0 ? b : a));
  const from = group.source === group.real_source ? group.version : ownVersion(group.real_source, group.version);
  const hosts = having.reduce((all, one) => all + one.hosts, 0);
  const restarts = restartsOf(group.names, having, uses);
  return {
    ecosystem,
    release,
    source,
    from,
    to,
    advisories,
    exploited: Number(group.exploited),
    hosts,
    priority,
    restarts,
  };
}

/** Hosts of which the same runs out of the same packages. */
interface Having {
  useId: number | null;
  hosts: number;
}

/**
 * How many hosts have any of the packages of each group, each host once, by what runs there. Hosts with the same lists and
 * the same use are counted as one: the time goes with what is distinct.
 */
async function havingOf(db: DbOrTx, wanted: readonly Group[]): Promise<Map<number, Having[]>> {
  const { rows } = await sql<{ place: number; useId: number | null; hosts: string }>`
    with wanted as materialized (select place, string_to_array(n.ids, ',')::integer[] as ids
        from unnest(${wanted.map(({ ids }) => ids.join())}::text[]) with ordinality n (ids, place)),
      hits as materialized (select w.place, l.id from wanted w join audit.package_list l on l.packages && w.ids),
      kinds as materialized (select p.list_id as packages, i.list_id as inventories, s.use_id, count(*) as hosts
        from (select host_id, list_id from audit.host_list where until is null and section = 'packages') p
        full join (select host_id, list_id from audit.host_list where until is null and section = 'inventories') i
          using (host_id)
        left join audit.host_system s on s.host_id = coalesce(p.host_id, i.host_id) group by 1, 2, 3),
      having_any as (
        select h.place, k.use_id, k.hosts from hits h join kinds k on k.packages = h.id
        union all
        select h.place, k.use_id, k.hosts from hits h join kinds k on k.inventories = h.id
        where not exists (select from hits o where o.place = h.place and o.id = k.packages))
    select place::integer - 1 as place, use_id as "useId", sum(hosts) as hosts from having_any group by 1, 2`.execute(
    db,
  );
  const counted = rows.map(({ place, useId, hosts }) => ({ place, useId, hosts: Number(hosts) }));
  return Map.groupBy(counted, ({ place }) => place);
}

async function groups(db: DbOrTx, hostId: string | undefined): Promise<Group[]> {
  const onHost =
    hostId === undefined
      ? sql`true`
      : sql`p.id in (select unnest(l.packages) from audit.host_list h join audit.package_list l on l.id = h.list_id
          where h.host_id = ${hostId} and h.until is null)`;
  const { rows } = await sql<Group>`
    select p.ecosystem, p.release, p.as_source as source, p.source as real_source, p.source_version as version,
      array_agg(distinct p.id) as ids, array_agg(distinct p.name) as names, array_agg(distinct m.fix) as fixes,
      array_agg(distinct m.advisory) as advisories,
      count(distinct m.advisory) filter (where v.exploited) as exploited, max(v.priority) as priority
    from audit.match m join audit.package p on p.id = m.package_id join audit.vulnerability v on v.advisory = m.advisory
    where m.until is null and m.verdict = 'affected' and m.fix is not null and ${onHost}
    group by p.ecosystem, p.release, p.as_source, p.source, p.source_version
    order by max(v.priority) desc, count(distinct m.advisory) desc, p.as_source, p.source_version`.execute(db);
  return rows;
}

/** Of each use, the units that run files of each package. */
type Uses = ReadonlyMap<number, readonly { name: string; unit: string }[]>;

async function usesOf(db: DbOrTx, wanted: readonly Group[], having: ReadonlyMap<number, Having[]>): Promise<Uses> {
  const ids = [...new Set([...having.values()].flat().flatMap(({ useId }) => useId ?? []))];
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: number; name: string; unit: string }>`
    select p.id, split_part(u, E'\t', 1) as name, split_part(u, E'\t', 2) as unit
    from audit.process_use p cross join unnest(p.uses) u
    where p.id = any(${ids}::integer[]) and split_part(u, E'\t', 1) = ${anyOf(wanted.flatMap(({ names }) => names))}`.execute(
    db,
  );
  return Map.groupBy(rows, ({ id }) => id);
}

/** Of each fix so many units are told. */
const MOST_UNITS = 20;

/** Whatever runs files of it keeps the old ones until it is restarted. */
function restartsOf(names: readonly string[], having: readonly Having[], uses: Uses): Fix['restarts'] {
  const own = new Set(names);
  const counts = new Map<string, number>();
  for (const { useId, hosts } of having) {
    const used = useId === null ? [] : (uses.get(useId) ?? []);
    const units = new Set(used.filter(({ name }) => own.has(name)).map(({ unit }) => unit));
    for (const unit of units) counts.set(unit, (counts.get(unit) ?? 0) + hosts);
  }
  return [...counts]
    .map(([unit, hosts]) => ({ unit, hosts }))
    .toSorted((a, b) => b.hosts - a.hosts || (a.unit < b.unit ? -1 : 1))
    .slice(0, MOST_UNITS);
}
