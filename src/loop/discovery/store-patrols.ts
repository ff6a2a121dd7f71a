import { sql } from 'kysely';
import type { Claim, Identifier, Sighting, SourceName } from '../../model/estate.ts';
import type { Patrol, PatrolCounts, PatrolState } from '../../model/patrol.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf } from '../../platform/db/many.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import type { Touched } from './logic/hearsay.ts';
import { placeIn } from './logic/place.ts';
import type { LastPatrol } from './logic/election.ts';
import { hostsAround } from './store-around.ts';
import { toldSince } from './store-told.ts';
import { q } from './tables.ts';

const ACTIVE: PatrolState[] = ['ordered', 'running'];
export const NO_PATROL_COUNTS: PatrolCounts = {
  addresses: 0,
  asked: 0,
  answered: 0,
  open: 0,
  strangers: 0,
  known: 0,
  differ: 0,
  proxied: 0,
};

export async function anyPatrolScope(db: DbOrTx): Promise<boolean> {
  const row = await q(db).selectFrom('discovery.scope').select('id').where('agents', '=', true).executeTakeFirst();
  return row !== undefined;
}

/** Writes only when something is new, or half as old as what counts no more. */
export async function noteSubnets(
  db: DbOrTx,
  agent: { agentId: string; hostId: string },
  blocks: readonly { block: string; site: string | null }[],
  at: { now: Date; stale: Date },
): Promise<void> {
  const names = blocks.map(({ block }) => block);
  await q(db)
    .deleteFrom('discovery.agent_subnet')
    .where('agent_id', '=', agent.agentId)
    .where(sql<boolean>`not (block = ${anyOf(names)})`)
    .execute();
  for (const { block, site } of blocks)
    await q(db)
      .insertInto('discovery.agent_subnet')
      .values({ agent_id: agent.agentId, host_id: agent.hostId, block, site, seen_at: at.now })
      .onConflict((c) =>
        c
          .columns(['agent_id', 'block'])
          .doUpdateSet({ seen_at: at.now, host_id: agent.hostId, site })
          .where(
            sql<boolean>`(agent_subnet.seen_at < ${at.stale} or agent_subnet.site is distinct from excluded.site)`,
          ),
      )
      .execute();
}

export interface Candidate {
  agentId: string;
  hostId: string;
  hostName: string;
  block: string;
  /** as its host was measured in that subnet; null: nowhere there */
  site: string | null;
}

/** Where this host was measured, and at which site; the latest first. */
export async function measuredPlaces(db: DbOrTx, hostId: string): Promise<{ address: string; site: string }[]> {
  return q(db)
    .selectFrom('discovery.address')
    .select(['address', 'site'])
    .where('host_id', '=', hostId)
    .where('current', '=', true)
    .where('how', '=', 'measured')
    .orderBy('last_seen', 'desc')
    .orderBy('address')
    .execute();
}

/** Agents that are in a subnet and said so since `since`, without those that told about what they were not asked. */
export async function candidates(
  db: DbOrTx,
  when: { since: Date; refusedSince: Date },
  block?: string,
): Promise<Candidate[]> {
  let query = q(db)
    .selectFrom('discovery.agent_subnet as s')
    .innerJoin('discovery.host as h', 'h.id', 's.host_id')
    .select(['s.agent_id as agentId', 's.host_id as hostId', 'h.name as hostName', 's.block', 's.site'])
    .where('s.seen_at', '>', when.since)
    .whereRef('h.agent_id', '=', 's.agent_id')
    .where('h.management', '=', 'managed')
    .where(
      sql<boolean>`not exists (select from discovery.patrol p where p.agent_id = s.agent_id
        and p.state = 'refused' and p.finished_at > ${when.refusedSince})`,
    )
    .orderBy('s.agent_id');
  if (block !== undefined) query = query.where('s.block', '=', block);
  return query.execute();
}

export async function lastPatrol(db: DbOrTx, block: string, site: string): Promise<LastPatrol | null> {
  const row = await q(db)
    .selectFrom('discovery.patrol')
    .select(['agent_id', 'ordered_at', 'state'])
    .where('block', '=', block)
    .where('site', '=', site)
    .orderBy('ordered_at', 'desc')
    .executeTakeFirst();
  return row ? { agentId: row.agent_id, at: row.ordered_at, isDone: row.state === 'done' } : null;
}

export type PatrolRow = NonNullable<Awaited<ReturnType<typeof lockPatrol>>>;

/** Until the transaction ends, nobody else changes it. */
export async function lockPatrol(db: DbOrTx, id: string) {
  return q(db).selectFrom('discovery.patrol').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

export const isActive = (row: { state: PatrolState }): boolean => ACTIVE.includes(row.state);

export async function activePatrols(db: DbOrTx, agentId?: string): Promise<PatrolRow[]> {
  let query = q(db).selectFrom('discovery.patrol').selectAll().where('state', 'in', ACTIVE).orderBy('id');
  if (agentId !== undefined) query = query.where('agent_id', '=', agentId);
  return query.execute();
}

export interface NewPatrol {
  id: string;
  scope: { id: string; name: string };
  agentId: string;
  hostId: string;
  block: string;
  site: string;
  ranges: string[];
  ports: number[];
  rate: number;
  seed: number;
  why: string;
  addresses: number;
  at: Date;
  until: Date;
}

/** False when there is one in this subnet, or of this agent, already. */
export async function insertPatrol(db: DbOrTx, patrol: NewPatrol): Promise<boolean> {
  const done = await q(db)
    .insertInto('discovery.patrol')
    .values({
      id: patrol.id,
      scope_id: patrol.scope.id,
      scope_name: patrol.scope.name,
      agent_id: patrol.agentId,
      host_id: patrol.hostId,
      block: patrol.block,
      site: patrol.site,
      ranges: jsonText(patrol.ranges),
      ports: jsonText(patrol.ports),
      rate: patrol.rate,
      seed: patrol.seed,
      state: 'ordered',
      why: patrol.why,
      counts: jsonText({ ...NO_PATROL_COUNTS, addresses: patrol.addresses }),
      ordered_at: patrol.at,
      until: patrol.until,
      started_at: null,
      finished_at: null,
      error: null,
    })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst();
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function updatePatrol(
  db: DbOrTx,
  id: string,
  set: {
    state: PatrolState;
    nextWindow?: number;
    counts?: PatrolCounts;
    startedAt?: Date;
    finishedAt?: Date;
    error?: string | null;
  },
): Promise<void> {
  await q(db)
    .updateTable('discovery.patrol')
    .set({
      state: set.state,
      ...(set.nextWindow === undefined ? {} : { next_window: set.nextWindow }),
      ...(set.counts ? { counts: jsonText(set.counts) } : {}),
      ...(set.startedAt ? { started_at: sql`coalesce(started_at, ${set.startedAt})` } : {}),
      ...(set.finishedAt ? { finished_at: set.finishedAt } : {}),
      ...(set.error === undefined ? {} : { error: set.error }),
    })
    .where('id', '=', id)
    .execute();
}

export async function findPatrols(db: DbOrTx, limit = 200): Promise<Patrol[]> {
  const rows = await q(db)
    .selectFrom('discovery.patrol as p')
    .innerJoin('discovery.host as h', 'h.id', 'p.host_id')
    .selectAll('p')
    .select('h.name as host_name')
    .orderBy('p.ordered_at', 'desc')
    .orderBy('p.id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    scopeId: row.scope_id,
    scope: row.scope_name,
    agentId: row.agent_id,
    hostId: row.host_id,
    hostName: row.host_name,
    block: placeIn(row.site, row.block),
    ranges: row.ranges,
    state: row.state,
    why: row.why,
    counts: row.counts,
    orderedAt: row.ordered_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    error: row.error,
  }));
}

/** Hosts that sightings of a patrol touch, with what tells how much more than an agent's word is known of them. */
export async function touchedBy(db: DbOrTx, sightings: readonly Sighting[]): Promise<Touched[]> {
  const hosts = await hostsAround(db, sightings);
  const { rows } = await sql<{ id: string; claim: Claim; sources: SourceName[]; seen: boolean }>`
    select h.id, h.claim,
      array(select s.source from discovery.host_source s where s.host_id = h.id) as sources,
      exists (select from discovery.endpoint e where e.host_id = h.id and e.via is null) as seen
    from discovery.host h where h.id = ${anyOf(hosts.map(({ id }) => id))}`.execute(db);
  const more = new Map(rows.map((row) => [row.id, row]));
  return hosts.map((host) => {
    const { claim, sources, seen } = more.get(host.id)!;
    return { ...host, claim, sources, isSeen: seen };
  });
}

/** Identifiers that patrols saw at these addresses since then: who is there is there still. */
export async function seenSince(
  db: DbOrTx,
  addresses: readonly string[],
  since: Date,
): Promise<{ address: string; identifiers: Identifier[] }[]> {
  if (addresses.length === 0) return [];
  return q(db)
    .selectFrom('discovery.sighting as s')
    .select(['s.address', 's.identifiers'])
    .where('s.source', '=', 'agent-scan')
    .where(toldSince(since))
    .where('s.address', '=', anyOf(addresses))
    .execute();
}
