import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { Host, Identifier, IdentityDecision, Management, SourceName, SourceStats } from '../../model/estate.ts';
import { NOBODY } from '../../model/tag-expression.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import { prepared } from '../../platform/db/prepared.ts';
import type { DbOrTx, NoTables } from '../../platform/context.ts';
import { withShared } from './store-shared.ts';
import { type DiscoveryTables, q } from './tables.ts';

export type HostBrief = Pick<Host, 'id' | 'name' | 'management' | 'tags' | 'owner'>;

export interface HostFilter {
  ids?: string[] | undefined;
  claim?: Host['claim'] | undefined;
  management?: Management | undefined;
  tag?: { key: string; value: string } | undefined;
  /** records whose place this host took */
  supersededBy?: string | undefined;
}

/** The estate as it is: hosts whose place another record took are left out unless asked for by id. */
export async function findHosts(db: DbOrTx, filter: HostFilter = {}): Promise<Host[]> {
  if (filter.ids?.length === 0) return [];
  let query = q(db)
    .selectFrom('discovery.host as h')
    .leftJoin('discovery.presence as p', 'p.host_id', 'h.id')
    .selectAll('h')
    .select(['p.last_seen', 'p.offline_since'])
    .select([
      sql<string[]>`array(select a.address from discovery.address a where a.host_id = h.id and a.current
        order by a.how desc, a.address::inet)`.as('addresses'),
      sql<Identifier[]>`(select coalesce(json_agg(json_build_object('kind', i.kind, 'value', i.value)
        order by i.kind, i.value), '[]') from discovery.identifier i where i.host_id = h.id)`.as('identifiers'),
      sql<SourceName[]>`array(select s.source from discovery.host_source s where s.host_id = h.id
        order by s.first_seen, s.source)`.as('sources'),
    ])
    .orderBy('h.id');
  if (filter.supersededBy) query = query.where('h.superseded_by', '=', filter.supersededBy);
  else if (filter.ids) query = query.where('h.id', '=', anyOf(filter.ids));
  else query = query.where('h.superseded_by', 'is', null);
  if (filter.claim) query = query.where('h.claim', '=', filter.claim);
  if (filter.management) query = query.where('h.management', '=', filter.management);
  if (filter.tag) query = query.where(sql<boolean>`h.tags ->> ${filter.tag.key} = ${filter.tag.value}`);
  return withShared(db, (await query.execute()).map(toHost));
}

type HostRow = Omit<DiscoveryTables['discovery.host'], 'tags'> & {
  tags: Host['tags'];
  last_seen: Date | null;
  offline_since: Date | null;
  addresses: string[];
  identifiers: Identifier[];
  sources: SourceName[];
};

function toHost(row: HostRow): Host {
  return {
    id: row.id,
    name: row.name,
    addresses: row.addresses,
    identifiers: row.identifiers,
    claim: row.claim,
    management: row.management,
    tags: row.tags,
    owner: row.owner,
    guess: row.guess,
    sources: row.sources,
    agentId: row.agent_id,
    agentVersion: row.agent_version,
    firstSeen: row.first_seen.toISOString(),
    lastSeen: (row.last_seen ?? row.first_seen).toISOString(),
    discoveredAs: row.discovered_as,
    note: row.note,
    presence: row.superseded_by ? 'superseded' : row.offline_since ? 'offline' : 'up',
    supersededBy: row.superseded_by,
    ignoredUntil: row.ignored_until?.toISOString() ?? null,
  };
}

/** Of all of them, what costs no look elsewhere. */
export async function briefHosts(db: DbOrTx, { ids, tag }: Pick<HostFilter, 'ids' | 'tag'> = {}): Promise<HostBrief[]> {
  let query = q(db).selectFrom('discovery.host').select(['id', 'name', 'management', 'tags', 'owner']).orderBy('id');
  query = ids ? query.where('id', '=', anyOf(ids)) : query.where('superseded_by', 'is', null);
  if (tag) query = query.where(sql<boolean>`tags ->> ${tag.key} = ${tag.value}`);
  return query.execute();
}

/** The ids of an owner’s hosts, as a question that a condition may hold: they may be very many. */
export const hostsOwnedBy = (owner: string): RawBuilder<string> =>
  sql<string>`select id from discovery.host where coalesce(owner, tags ->> 'owner', ${sql.lit(NOBODY)}) = ${owner}`;

export async function findHost(db: DbOrTx, id: string): Promise<Host | null> {
  return (await findHosts(db, { ids: [id] }))[0] ?? null;
}

/**
 * Who is at that address now: whoever answered there, else whoever claims to be. `site`: as it is there, and nowhere else;
 * without one, ours is meant where two sites have the address.
 */
export async function hostIdAt(db: DbOrTx, address: string, site?: string): Promise<string | null> {
  const found = q(db)
    .selectFrom('discovery.address as a')
    .innerJoin('discovery.host as h', 'h.id', 'a.host_id')
    .select('a.host_id')
    .where('a.address', '=', address)
    .where('a.current', '=', true)
    .where('h.superseded_by', 'is', null)
    .orderBy(sql`a.site <> 'local'`)
    .orderBy('a.how', 'desc')
    .orderBy('a.last_seen', 'desc');
  const row = await (site === undefined ? found : found.where('a.site', '=', site)).executeTakeFirst();
  return row?.host_id ?? null;
}

/** Where a host has this address. */
export async function siteOfAddress(db: DbOrTx, hostId: string, address: string): Promise<string> {
  const row = await q(db)
    .selectFrom('discovery.address')
    .select('site')
    .where('host_id', '=', hostId)
    .where('address', '=', address)
    .executeTakeFirst();
  return row?.site ?? 'local';
}

/** The addresses that a host has at other sites, and the site of each. */
export async function addressesAway(db: DbOrTx, hostId: string): Promise<Map<string, string>> {
  const rows = await q(db)
    .selectFrom('discovery.address')
    .select(['address', 'site'])
    .where('host_id', '=', hostId)
    .where('site', '<>', 'local')
    .execute();
  return new Map(rows.map(({ address, site }) => [address, site]));
}

/** One reconciliation at a time: two that do not see each other's new hosts would make them twice. */
export async function lockIdentities(db: Transaction<NoTables>): Promise<void> {
  await sql`${prepared}select pg_advisory_xact_lock(hashtext('discovery.reconcile'))`.execute(db);
}

const BULK_PLANS = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin', 'material'].map((plan) => `enable_${plan}`);

/**
 * From here to `planFreely` every statement looks up rows of a batch by their keys. What PostgreSQL takes a batch for is
 * much, so it would rather read a table of hosts from end to end than look a thousand up; that is for every batch.
 */
export async function planByKey(db: Transaction<NoTables>): Promise<void> {
  await setPlanning(db, 'off');
}

export async function planFreely(db: Transaction<NoTables>): Promise<void> {
  await setPlanning(db, 'on');
}

async function setPlanning(db: Transaction<NoTables>, how: 'on' | 'off'): Promise<void> {
  await sql`${prepared}select set_config(name, ${how}, true) from unnest(${BULK_PLANS}::text[]) t (name)`.execute(db);
}

export type NewHost = Pick<
  DiscoveryTables['discovery.host'],
  'id' | 'name' | 'name_rank' | 'claim' | 'guess' | 'note' | 'first_seen'
>;

export async function insertHosts(db: DbOrTx, hosts: readonly NewHost[]): Promise<void> {
  for (const some of chunks(hosts)) {
    const of = <K extends keyof NewHost>(key: K): NewHost[K][] => some.map((host) => host[key]);
    await sql`
      insert into discovery.host (id, name, name_rank, claim, discovered_as, guess, note, first_seen, management, tags)
      select id, name, name_rank, claim, claim, guess, note, first_seen, 'unmanaged', '{}'
      from unnest(${of('id')}::text[], ${of('name')}::text[], ${of('name_rank')}::int[], ${of('claim')}::text[],
        ${of('guess')}::text[], ${of('note')}::text[], ${of('first_seen')}::timestamptz[])
        t (id, name, name_rank, claim, guess, note, first_seen)`.execute(db);
  }
}

export async function updateHost(
  db: DbOrTx,
  id: string,
  set: Partial<Omit<DiscoveryTables['discovery.host'], 'id' | 'tags'> & { tags: string }>,
): Promise<void> {
  await q(db).updateTable('discovery.host').set(set).where('id', '=', id).execute();
}

export async function hostRow(db: DbOrTx, id: string) {
  return q(db).selectFrom('discovery.host').selectAll().where('id', '=', id).executeTakeFirst();
}

export type PlainHostRow = NonNullable<Awaited<ReturnType<typeof hostRow>>>;

export async function hostRows(db: DbOrTx, ids: readonly string[]) {
  const rows = await q(db)
    .selectFrom('discovery.host')
    .selectAll()
    .where('id', '=', anyOf([...new Set(ids)]))
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** The same, and nobody changes them before this transaction ends. */
export async function lockedHostRows(db: DbOrTx, ids: readonly string[]) {
  const rows = await q(db)
    .selectFrom('discovery.host')
    .selectAll()
    .where('id', '=', anyOf([...new Set(ids)]))
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

type Told = Pick<DiscoveryTables['discovery.host'], 'id' | 'claim' | 'owner'> & { tags: Host['tags'] };

/** What people say of hosts. */
export async function describeTold(db: DbOrTx, all: readonly Told[]): Promise<void> {
  for (const some of chunks(all)) {
    const of = <K extends keyof Told>(key: K): Told[K][] => some.map((one) => one[key]);
    await sql`
      update discovery.host h set claim = t.claim, owner = t.owner, tags = t.tags::jsonb
      from unnest(${of('id')}::text[], ${of('claim')}::text[], ${of('owner')}::text[],
        ${of('tags').map((tags) => JSON.stringify(tags))}::text[]) t (id, claim, owner, tags)
      where h.id = t.id and h.id = ${anyOf(of('id'))}`.execute(db);
  }
}

/** Present hosts of these names. Two of one name would make every document ambiguous. */
export async function namesTaken(db: DbOrTx, names: readonly string[]): Promise<Map<string, string[]>> {
  if (names.length === 0) return new Map();
  const rows = await q(db)
    .selectFrom('discovery.host')
    .select(['id', 'name'])
    .where('name', '=', anyOf([...new Set(names)]))
    .where('superseded_by', 'is', null)
    .execute();
  const taken = new Map<string, string[]>();
  for (const { id, name } of rows) taken.set(name, [...(taken.get(name) ?? []), id]);
  return taken;
}

export async function setNames(db: DbOrTx, named: ReadonlyMap<string, string>, rank: number): Promise<void> {
  if (named.size === 0) return;
  const ids = [...named.keys()];
  await sql`update discovery.host h set name = t.name, name_rank = ${rank}
    from unnest(${ids}::text[], ${[...named.values()]}::text[]) t (id, name)
    where h.id = t.id and h.id = ${anyOf(ids)}`.execute(db);
}

export async function setGuesses(db: DbOrTx, all: readonly { id: string; guess: string | null }[]): Promise<void> {
  if (all.length === 0) return;
  const ids = all.map(({ id }) => id);
  await sql`update discovery.host h set guess = t.guess
    from unnest(${ids}::text[], ${all.map(({ guess }) => guess)}::text[]) t (id, guess)
    where h.id = t.id and h.id = ${anyOf(ids)}`.execute(db);
}

export interface NotedDecision {
  hostId: string;
  at: Date;
  kind: string;
  address: string;
  why: string;
}

export const noteDecision = (db: DbOrTx, decision: NotedDecision): Promise<void> => noteDecisions(db, [decision]);

export async function noteDecisions(db: DbOrTx, decisions: readonly NotedDecision[]): Promise<void> {
  for (const some of chunks(decisions)) {
    const of = <K extends keyof NotedDecision>(key: K): NotedDecision[K][] => some.map((one) => one[key]);
    await sql`
      insert into discovery.decision (host_id, at, kind, address, why)
      select * from unnest(${of('hostId')}::text[], ${of('at')}::timestamptz[], ${of('kind')}::text[],
        ${of('address')}::text[], ${of('why')}::text[])`.execute(db);
  }
}

export async function decisionsOf(db: DbOrTx, hostId: string): Promise<IdentityDecision[]> {
  const rows = await q(db)
    .selectFrom('discovery.decision')
    .select(['at', 'kind', 'address', 'why'])
    .where('host_id', '=', hostId)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

export async function sourceStats(db: DbOrTx): Promise<SourceStats[]> {
  const rows = await sql<{ source: SourceName; sightings: string; hosts: string; only: string; last_seen: Date }>`
    select s.source, sum(s.sightings) as sightings, count(*) as hosts, max(s.last_seen) as last_seen,
      count(*) filter (where not exists (
        select from discovery.host_source o where o.host_id = s.host_id and o.source <> s.source)) as only
    from discovery.host_source s join discovery.host h on h.id = s.host_id and h.superseded_by is null
    group by s.source order by s.source`.execute(db);
  return rows.rows.map((row) => ({
    source: row.source,
    sightings: Number(row.sightings),
    hosts: Number(row.hosts),
    only: Number(row.only),
    lastSeen: row.last_seen.toISOString(),
  }));
}
