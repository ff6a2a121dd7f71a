import { randomInt } from 'node:crypto';
import { systemActor } from '../../model/actor.ts';
import type { Scope } from '../../model/estate.ts';
import type { PatrolBlock, PatrolOrder, PatrolState } from '../../model/patrol.ts';
import { tlsOf } from '../../model/probe.ts';
import { MOST_KNOWN_TLS } from '../../model/tls-depth.ts';
import type { Subject } from '../../model/trail.ts';
import type { DbOrTx, Platform, Tx } from '../../platform/context.ts';
import { formatAddress, type Interval } from '../../scan/logic/address.ts';
import { type Block, blockOf, intersectIntervals, intervalsOf, PATROL, rangesOf } from '../../scan/logic/patrol.ts';
import { parsePorts } from '../../scan/logic/ports.ts';
import { containsAddress, countAddresses, overlap, parseTargets, subtractIntervals } from '../../scan/logic/targets.ts';
import { blackoutOver, nextBlackout, parseBlackout } from './logic/blackout.ts';
import { elect, isDue, isTurn } from './logic/election.ts';
import { placeIn, spaceOf } from './logic/place.ts';
import { addressesOnly, excludedByAll } from './scopes.ts';
import {
  activePatrols,
  anyPatrolScope,
  type Candidate,
  candidates,
  insertPatrol,
  lastPatrol,
  lockPatrol,
  measuredPlaces,
  noteSubnets,
  type PatrolRow,
  isActive,
  updatePatrol,
} from './store-patrols.ts';
import { tlsSeenAt } from './store-endpoints.ts';
import { findReach } from './store-scans.ts';

const MINUTE_MS = 60_000;
/** An agent that has not said for so long where it is, is no candidate. */
const STALE_MS = 15 * MINUTE_MS;
/** How old what it said may become before it is written down again. */
const NOTE_MS = 5 * MINUTE_MS;
/** An agent that told about what it was not asked is not asked again for so long. */
const DISTRUST_MS = 24 * 60 * MINUTE_MS;
const MOST_BLOCKS = 16;

export interface PatrolAgent {
  agentId: string;
  hostId: string;
}

/** What this agent is to look at around itself now, or null. Called with each check-in. */
export async function patrolFor(
  platform: Platform,
  agent: PatrolAgent,
  subnets: readonly string[],
): Promise<PatrolOrder | null> {
  if (!(await anyPatrolScope(platform.db))) return null;
  const blocks = blocksOf(subnets);
  return platform.observe({ kind: 'agent', id: agent.agentId, name: agent.agentId }, async (tx) => {
    const stale = new Date(tx.now.getTime() - NOTE_MS);
    const here = await atSites(tx.db, agent.hostId, blocks);
    await noteSubnets(tx.db, agent, here, { now: tx.now, stale });
    const scopes = await findReach(tx.db);
    const [active] = await activePatrols(tx.db, agent.agentId);
    if (active) return whyOver(active, scopes, tx.now) === null ? orderOf(tx.db, active) : null;
    for (const block of here) {
      const order = await orderIn(platform, tx, { agent, block, scopes });
      if (order) return order;
    }
    return null;
  });
}

function blocksOf(subnets: readonly string[]): Block[] {
  const blocks = subnets.map(blockOf).filter((block) => block !== null);
  return [...new Map(blocks.map((block) => [block.block, block])).values()].slice(0, MOST_BLOCKS);
}

/** The same subnet at another site is another one. `site`: null where nobody measured the agent's host in it. */
type SiteBlock = Block & { site: string | null };

async function atSites(db: DbOrTx, hostId: string, blocks: readonly Block[]): Promise<SiteBlock[]> {
  const places = await measuredPlaces(db, hostId);
  return blocks.map((block) => {
    const there = places.find(({ address }) => containsAddress([block.interval], address));
    return { ...block, site: there?.site ?? null };
  });
}

/** Which site a block of addresses is at, by what a scope means by them. */
const siteIn = ({ site }: Pick<Scope, 'site'>, { interval }: Pick<Block, 'interval'>): string =>
  spaceOf(site, formatAddress(interval.family, interval.first));

/** The scope by whose leave agents look around there: one of their site, if that is known. */
const scopeFor = (block: SiteBlock, scopes: readonly Scope[]): Scope | undefined =>
  scopes.find(
    (one) =>
      (block.site === null || siteIn(one, block) === block.site) &&
      intersectIntervals([block.interval], patrolled(one, scopes)).length > 0,
  );

/** What a scope lets agents look at, now: never what any scope excludes. */
export function patrolled(scope: Scope, scopes: readonly Scope[]): Interval[] {
  if (!scope.agents) return [];
  const { intervals } = parseTargets(scope.cidrs, { confirmWide: true });
  return subtractIntervals(intervals, addressesOnly(excludedByAll(scopes)));
}

interface Wanted {
  agent: PatrolAgent;
  block: SiteBlock;
  scopes: readonly Scope[];
}

async function orderIn(platform: Platform, tx: Tx, { agent, block, scopes }: Wanted): Promise<PatrolOrder | null> {
  const scope = scopeFor(block, scopes);
  if (!scope) return null;
  const site = siteIn(scope, block);
  // Asked before anything that grows with the agents there: between two patrols every check-in of each ends here.
  const last = await lastPatrol(tx.db, block.block, site);
  if (!isDue(last, tx.now)) return null;
  const here = atSite(await candidatesIn(tx.db, tx.now, block.block), { block, scopes, site });
  const elected = elect(
    here.map(({ agentId }) => agentId),
    block.block,
    tx.now,
  );
  if (!isTurn(agent.agentId, elected, last, tx.now)) return null;
  const intervals = intersectIntervals([block.interval], patrolled(scope, scopes));
  const until = lightUntil(scopes, intervals, tx.now, PATROL.life);
  if (!until) return null;
  const wanted = parsePorts(scope.ports);
  const isMany = wanted.length > PATROL.ports;
  const names = here.filter(({ agentId }) => elected.includes(agentId)).map(({ hostName }) => hostName);
  const id = platform.newId('patrol');
  const made = await insertPatrol(tx.db, {
    id,
    scope,
    ...agent,
    block: block.block,
    site,
    ranges: rangesOf(intervals),
    ports: isMany ? parsePorts('default') : wanted,
    rate: Math.min(scope.rate, PATROL.rate),
    seed: randomInt(2 ** 31),
    why: `${names.join(' and ')} look around in ${placeIn(site, block.block)} today, in turn: the lowest hashes of ${here.length} agents there${isMany ? `; ${wanted.length} ports are too many for agents, so the default ones` : ''}`,
    addresses: Number(countAddresses(intervals)),
    at: tx.now,
    until,
  });
  return made ? orderOf(tx.db, (await lockPatrol(tx.db, id))!) : null;
}

/** Of agents in this block those at this site; of whom nobody knows counts to the site of the scope that comes first. */
function atSite(
  all: readonly Candidate[],
  { block, scopes, site }: { block: Block; scopes: readonly Scope[]; site: string },
): Candidate[] {
  const first = scopeFor({ ...block, site: null }, scopes);
  const unknown = first ? siteIn(first, block) : null;
  return all.filter((one) => (one.site ?? unknown) === site);
}

/** How long these addresses may be looked at: until the next blackout, at most `most` ms. Null: one is on. */
function lightUntil(scopes: readonly Scope[], intervals: Interval[], now: Date, most: number): Date | null {
  const reach = scopes.map((scope) => ({
    ...scope,
    targets: parseTargets(scope.cidrs, { confirmWide: true }).intervals,
  }));
  if (blackoutOver(reach, intervals, now)) return null;
  const concerned = reach.filter(({ targets }) => overlap(intervals, targets));
  const next = nextBlackout(
    concerned.flatMap(({ blackouts }) => blackouts.map(parseBlackout)),
    now,
  );
  return new Date(Math.min(now.getTime() + most, next?.getTime() ?? Infinity));
}

function candidatesIn(db: DbOrTx, now: Date, block?: string): Promise<Candidate[]> {
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  return candidates(db, { since: ago(STALE_MS), refusedSince: ago(DISTRUST_MS) }, block);
}

/** The order as it was given: both sides compute the same windows from it. What may be looked at now is told with each reply. */
const orderOf = async (db: DbOrTx, row: PatrolRow): Promise<PatrolOrder> => ({
  known: await depthIn(db, row),
  id: row.id,
  block: row.block,
  ranges: row.ranges,
  ports: row.ports,
  rate: row.rate,
  seed: Number(row.seed),
  window: row.next_window,
  until: row.until.toISOString(),
});

/** What servers there took at the last look; by which names they are known is no agent's business. */
async function depthIn(db: DbOrTx, { ranges, ports }: PatrolRow): Promise<PatrolOrder['known']> {
  const addresses = intervalsOf(ranges).flatMap(({ family, first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, at) => formatAddress(family, first + BigInt(at))),
  );
  const seen = await tlsSeenAt(db, { addresses, ports }, MOST_KNOWN_TLS);
  return seen.map(({ address, port, probe }) => ({ address, port, depth: tlsOf(probe)?.depth ?? null, names: [] }));
}

/** Of what was ordered, what is still allowed. */
export function stillAllowed(row: PatrolRow, scopes: readonly Scope[]): Interval[] {
  const scope = scopes.find(({ id }) => id === row.scope_id);
  const isThere = scope && intervalsOf(row.ranges).every((interval) => siteIn(scope, { interval }) === row.site);
  return isThere ? intersectIntervals(intervalsOf(row.ranges), patrolled(scope, scopes)) : [];
}

/** Why a patrol may not go on, or null. */
export function whyOver(
  row: PatrolRow,
  scopes: readonly Scope[],
  now: Date,
): { state: PatrolState; error: string } | null {
  if (row.until <= now) return { state: 'expired', error: 'its time was up before it came to its end' };
  if (!lightUntil(scopes, intervalsOf(row.ranges), now, PATROL.life))
    return { state: 'cancelled', error: 'a blackout of its addresses began' };
  if (stillAllowed(row, scopes).length > 0) return null;
  return { state: 'cancelled', error: `scope ${row.scope_name} lets agents look at none of its addresses any more` };
}

/** Its outcome, on the trail: who looked where, by whose leave, and what came of it. */
export async function endPatrol(
  tx: Tx,
  row: PatrolRow,
  end: { state: PatrolState; error?: string | null },
): Promise<void> {
  await updatePatrol(tx.db, row.id, { state: end.state, finishedAt: tx.now, error: end.error ?? null });
  const scope: Subject[] = row.scope_id ? [{ kind: 'scope', id: row.scope_id, name: row.scope_name }] : [];
  await tx.record({
    type: 'discovery.patrol.finished',
    subject: { kind: 'agent', id: row.agent_id },
    related: [{ kind: 'host', id: row.host_id }, ...scope],
    detail: {
      patrol: row.id,
      outcome: end.state,
      scope: row.scope_name,
      block: placeIn(row.site, row.block),
      ranges: row.ranges,
      ports: row.ports,
      counts: row.counts,
      why: row.why,
      ...(end.error ? { error: end.error } : {}),
    },
  });
  await tx.publish('scans', { patrolId: row.id });
}

/** Timer: patrols whose time is up, or that nobody lets go on, end; an agent that is away does not say so. */
export async function closePatrols(platform: Platform): Promise<void> {
  const open = await activePatrols(platform.db);
  if (open.length === 0) return;
  const scopes = await findReach(platform.db);
  for (const { id } of open.filter((row) => whyOver(row, scopes, platform.now()) !== null)) {
    await platform.observe(systemActor('patrols'), async (tx) => {
      const row = await lockPatrol(tx.db, id);
      const over = row && isActive(row) ? whyOver(row, scopes, tx.now) : null;
      if (row && over) await endPatrol(tx, row, over);
    });
  }
}

/** The subnets of a scope that agents are in, and who of them looks around there today. */
export async function blocksIn(platform: Platform, scope: Scope, scopes: readonly Scope[]): Promise<PatrolBlock[]> {
  const [now, allowed] = [platform.now(), patrolled(scope, scopes)];
  const byBlock = Map.groupBy(await candidatesIn(platform.db, now), ({ block }) => block);
  const inScope = [...byBlock].flatMap(([name, all]) => {
    const [interval] = parseTargets([name], { confirmWide: true }).intervals;
    if (!interval || intersectIntervals([interval], allowed).length === 0) return [];
    const site = siteIn(scope, { interval });
    const here = atSite(all, { block: { block: name, interval }, scopes, site });
    return here.length > 0 ? [{ block: name, site, here }] : [];
  });
  return Promise.all(
    inScope.map(async ({ block, site, here }) => {
      const ids = here.map(({ agentId }) => agentId);
      const elected = elect(ids, block, now);
      const last = await lastPatrol(platform.db, block, site);
      return {
        block,
        agents: here.length,
        elected: elected.map((id) => {
          const { agentId, hostId, hostName } = here.find(({ agentId: other }) => other === id)!;
          return { agentId, hostId, hostName };
        }),
        lastAt: last?.at.toISOString() ?? null,
      };
    }),
  );
}
