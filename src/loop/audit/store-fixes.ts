import { sql } from 'kysely';
import type { Fix, Fixes } from '../../model/vulnerability.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import { anyOf } from '../../platform/db/many.ts';
import { ownVersion } from './logic/kernels.ts';
import { hostsHaving } from './store-matches.ts';
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
  const items: Fix[] = [];
  for (const group of await groups(db, query.hostId)) {
    const hosts = await hostsHaving(db, group.ids);
    if (hosts === 0) continue;
    if (items.length === query.limit) return { items, more: true };
    const { ecosystem, release, source, advisories, priority } = group;
    const order = versionOrder(ecosystem);
    const to = group.fixes.reduce((a, b) => ((order?.(a, b) ?? 0) < 0 ? b : a));
    const from = group.source === group.real_source ? group.version : ownVersion(group.real_source, group.version);
    const restarts = await restartsOf(db, group);
    const exploited = Number(group.exploited);
    items.push({ ecosystem, release, source, from, to, advisories, exploited, hosts, priority, restarts });
  }
  return { items, more: false };
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

/** Of each fix so many units are told. */
const MOST_UNITS = 20;

/** Whatever runs files of it keeps the old ones until it is restarted. */
async function restartsOf(db: DbOrTx, { ids, names }: Group): Promise<Fix['restarts']> {
  const { rows } = await sql<{ unit: string; hosts: string }>`
    with used as (select s.use_id, count(*) as hosts from audit.holders(${ids}::integer[]) h (host_id)
      join audit.host_system s on s.host_id = h.host_id where s.use_id is not null group by s.use_id),
    units as (select distinct d.use_id, d.hosts, split_part(u, E'\t', 2) as unit
      from used d join audit.process_use p on p.id = d.use_id cross join unnest(p.uses) u
      where split_part(u, E'\t', 1) = ${anyOf(names)})
    select unit, sum(hosts) as hosts from units group by unit order by sum(hosts) desc, unit limit ${MOST_UNITS}`.execute(
    db,
  );
  return rows.map(({ unit, hosts }) => ({ unit, hosts: Number(hosts) }));
}
