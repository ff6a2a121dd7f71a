import type { Claim, Identifier, Sighting } from '../../model/estate.ts';
import type { Subject } from '../../model/trail.ts';
import type { EntryDraft, Platform, Tx } from '../../platform/context.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { AppError } from '../../model/errors/index.ts';
import { addressOfPlace, placeIn, spaceOf } from './logic/place.ts';
import { type Decision, isListed, isMeasured, reconcile } from './logic/reconcile.ts';
import { leaveAddress } from './store-addresses.ts';
import { hostsAround } from './store-around.ts';
import { abandonEndpoints, moveEndpoints } from './store-endpoints.ts';
import {
  hostRow,
  hostRows,
  insertHosts,
  lockIdentities,
  nameIsTaken,
  type NewHost,
  noteDecision,
  noteDecisions,
  updateHost,
} from './store-hosts.ts';
import { noteSightings } from './store-seen.ts';

export type Alive = (address: string, identifier: Identifier) => boolean;
/** Those of these hosts whose own agent reports right now, from another machine than the one that was sighted. */
export type Reporting = (hostIds: string[]) => Promise<ReadonlySet<string>>;
type Ids = Pick<Platform, 'newId'>;

/** Name ranks: what a name rests on. A better source renames, a worse one never does. */
export const NAME_RANK = { address: 0, certificate: 1, list: 2, host: 3 } as const;

/**
 * Decides which host each sighting is and writes it down; returns the host of each, in order. `alive`: what a fresh
 * look at a host's earlier address said; without one, an address that is not in this batch counts as left.
 */
export async function recordSightings(
  platform: Ids,
  tx: Tx,
  given: readonly Sighting[],
  alive: Alive = () => false,
  reporting: Reporting = async () => new Set(),
  told?: (inventoryId: string) => boolean,
): Promise<Decision[]> {
  const sightings = given.map((sighting) => ({ ...sighting, address: mustBeAddress(sighting.address) }));
  await lockIdentities(tx.db);
  const hosts = await hostsAround(tx.db, sightings);
  const agents = await reporting(hosts.map(({ id }) => id));
  const around = {
    newId: () => platform.newId('host'),
    alive,
    reports: (id: string) => agents.has(id),
    ...(told ? { told } : {}),
  };
  const decisions = reconcile(hosts, sightings.map(atPlace), around).map((one, index) =>
    explained(withAddresses(one), sightings[index]!),
  );
  // Hosts first: one sighting's decision may name a host that another sighting of the batch makes.
  await makeHosts(tx, decisions, sightings);
  for (const [index, decision] of decisions.entries()) await leavePlaces(tx, decision, sightings[index]!);
  await noteSightings(
    tx.db,
    decisions.map(({ hostId, isElsewhere = false }, index) => ({ hostId, sighting: sightings[index]!, isElsewhere })),
  );
  const news = decisions.flatMap(({ hostId, kind, why }, index) => {
    const { at, address } = sightings[index]!;
    return kind === 'seen' ? [] : [{ hostId, at: new Date(at), kind, address, why }];
  });
  await noteDecisions(tx.db, news);
  const rows = await hostRows(
    tx.db,
    decisions.map(({ hostId }) => hostId),
  );
  for (const [index, decision] of decisions.entries()) await settle(tx, decision, sightings[index]!, rows);
  if (sightings.length > 0) await tx.publish('hosts', { hostId: decisions[0]!.hostId });
  return decisions;
}

/** Private addresses of two sites are two address spaces: they are decided upon as places. */
export const atPlace = (sighting: Sighting): Sighting => ({
  ...sighting,
  address: placeIn(spaceOf(sighting.site, sighting.address), sighting.address),
});
const withAddresses = (decision: Decision): Decision => ({ ...decision, from: decision.from.map(addressOfPlace) });

/** Whose word it is belongs to why we believe it. */
function explained(decision: Decision, { source, evidence }: Sighting): Decision {
  if (source !== 'agent-scan') return decision;
  const agent = String(evidence?.['agent'] ?? 'another host');
  return { ...decision, why: `${decision.why}; seen by the agent on ${agent} in its own subnet` };
}

function mustBeAddress(text: string): string {
  const address = normalAddress(text);
  if (!address) throw new AppError('TARGET_INVALID', { target: text, why: 'a sighting needs an address' });
  return address;
}

const isFresh = (decision: Decision): boolean => ['new', 'clone', 'replaced'].includes(decision.kind);

async function makeHosts(tx: Tx, decisions: readonly Decision[], sightings: readonly Sighting[]): Promise<void> {
  const made = new Map<string, Made>();
  const names = new Set<string>();
  for (const [index, decision] of decisions.entries()) {
    if (!isFresh(decision) || made.has(decision.hostId)) continue;
    const one = await madeOf(tx, decision, sightings[index]!, names);
    made.set(decision.hostId, one);
    names.add(one.host.name);
  }
  await insertHosts(
    tx.db,
    [...made.values()].map(({ host }) => host),
  );
  for (const one of made.values()) await tellMade(tx, one);
}

interface Made {
  host: NewHost;
  decision: Decision;
  sighting: Sighting;
  replaced: HostRow | undefined;
}

/** `names`: of hosts that the same batch makes. */
async function madeOf(tx: Tx, decision: Decision, sighting: Sighting, names: ReadonlySet<string>): Promise<Made> {
  const claim = sighting.source === 'import' ? 'known' : 'unknown';
  const replaced = decision.replaces ? await hostRow(tx.db, decision.replaces) : undefined;
  const note = replaced ? `took the place of ${replaced.name} (${replaced.id}) at ${sighting.address}` : null;
  const { name, rank } = await firstName(tx, decision.replaces ?? decision.hostId, sighting, names);
  const guess = typeof sighting.evidence?.guess === 'string' ? sighting.evidence.guess : null;
  const first_seen = new Date(sighting.at);
  const host = { id: decision.hostId, name, name_rank: rank, claim, guess, note, first_seen } as const;
  return { host, decision, sighting, replaced };
}

async function tellMade(tx: Tx, { host: { name, guess, claim }, decision, sighting, replaced }: Made): Promise<void> {
  await tx.record(foundEntry(decision, sighting, { name, guess, claim }, replaced));
  if (replaced) {
    await updateHost(tx.db, replaced.id, {
      superseded_by: decision.hostId,
      note: `replaced by ${decision.hostId} at ${sighting.address}: ${decision.why}`,
    });
  }
}

function foundEntry(
  decision: Decision,
  sighting: Sighting,
  host: { name: string; guess: string | null; claim: Claim },
  replaced: HostRow | undefined,
): EntryDraft {
  const related: Subject[] = replaced ? [{ kind: 'host', id: replaced.id, name: replaced.name }] : [];
  if (decision.cloneOf) related.push({ kind: 'host', id: decision.cloneOf });
  return {
    type: 'discovery.host.found',
    subject: { kind: 'host', id: decision.hostId, name: host.name },
    related,
    detail: {
      ...host,
      addresses: [sighting.address],
      identifiers: sighting.identifiers,
      sources: [sighting.source],
      why: decision.why,
      ...(sighting.via ? { via: sighting.via } : {}),
      ...(replaced ? { replaces: replaced.id, replacesName: replaced.name } : {}),
      ...(decision.cloneOf ? { cloneOf: decision.cloneOf } : {}),
    },
  };
}

/** A machine built anew takes over the name of the one whose place it has. */
async function firstName(
  tx: Tx,
  besides: string,
  sighting: Sighting,
  names: ReadonlySet<string>,
): Promise<{ name: string; rank: number }> {
  if (sighting.hostname) return { name: sighting.hostname, rank: rankOf(sighting) };
  const served = sighting.evidence?.certificateName;
  if (typeof served === 'string' && !names.has(served) && !(await nameIsTaken(tx.db, served, besides))) {
    return { name: served, rank: NAME_RANK.certificate };
  }
  return { name: sighting.address, rank: NAME_RANK.address };
}

const rankOf = (sighting: Sighting): number => (sighting.source === 'agent' ? NAME_RANK.host : NAME_RANK.list);

/** Everybody leaves before anybody arrives: an address has one holder. */
async function leavePlaces(tx: Tx, decision: Decision, sighting: Sighting): Promise<void> {
  await leaveAddress(tx.db, decision.displaced, [sighting.address]);
  for (const hostId of decision.displaced) {
    await noteDecision(tx.db, {
      hostId,
      at: new Date(sighting.at),
      kind: 'left',
      address: sighting.address,
      why: `another machine answers at ${sighting.address} now: ${decision.why}`,
    });
    await abandonEndpoints(tx, hostId, sighting.address);
  }
  // What a machine says about itself does not prove that it left its other address.
  if (decision.kind === 'moved' && isMeasured(sighting)) await leaveAddress(tx.db, [decision.hostId], decision.from);
}

/** Two systems call a machine differently, each at every reading: the first name stays until a better source tells one. */
function mayRename(sighting: Sighting, rank: number): boolean {
  const own = rankOf(sighting);
  return isListed(sighting) && sighting.source !== 'import' ? own > rank : own >= rank;
}

/** Most sightings say what is known already, or all of it is written down by now. */
function isOld(decision: Decision, sighting: Sighting, known: HostRow): boolean {
  const isNamed = !sighting.hostname || known.name === sighting.hostname || !mayRename(sighting, known.name_rank);
  return isNamed && decision.kind !== 'moved' && !known.superseded_by && !decision.cloneOf;
}

async function settle(
  tx: Tx,
  decision: Decision,
  sighting: Sighting,
  rows: ReadonlyMap<string, HostRow>,
): Promise<void> {
  const known = rows.get(decision.hostId);
  if (!known) throw new Error(`host ${decision.hostId} vanished during reconciliation`);
  if (isOld(decision, sighting, known)) return;
  const row = (await hostRow(tx.db, decision.hostId))!;
  if (decision.kind === 'moved' && isMeasured(sighting)) {
    await moveEndpoints(tx.db, decision.hostId, decision.from, sighting.address);
  }
  if (row.superseded_by) await comeBack(tx, row, decision);
  if (decision.cloneOf) await noteClone(tx, row, decision, decision.cloneOf);
  if (decision.kind === 'moved') await renameAddress(tx, row, sighting.address);
  if (sighting.hostname && mayRename(sighting, row.name_rank))
    await renameHost(tx, decision.hostId, sighting.hostname, rankOf(sighting));
}

type HostRow = NonNullable<Awaited<ReturnType<typeof hostRow>>>;

/** It had been taken for gone, but it only was elsewhere. */
async function comeBack(tx: Tx, row: HostRow, decision: Decision): Promise<void> {
  await updateHost(tx.db, row.id, { superseded_by: null, note: null });
  await tx.record({
    type: 'discovery.host.changed',
    subject: { kind: 'host', id: row.id, name: row.name },
    detail: { before: { supersededBy: row.superseded_by }, after: { supersededBy: null }, why: decision.why },
  });
}

async function noteClone(tx: Tx, row: HostRow, decision: Decision, originalId: string): Promise<void> {
  const note = `cloned identity, shared with ${originalId}: ${decision.why}`;
  if (row.note?.startsWith('cloned identity')) return;
  await updateHost(tx.db, row.id, { note });
  const original = await hostRow(tx.db, originalId);
  if (original && !original.note) {
    await updateHost(tx.db, originalId, { note: `cloned identity, shared with ${row.id}: ${decision.why}` });
  }
  await tx.record({
    type: 'discovery.host.split',
    subject: { kind: 'host', id: row.id, name: row.name },
    related: [{ kind: 'host', id: originalId, ...(original ? { name: original.name } : {}) }],
    detail: { why: decision.why, cloneOf: originalId },
  });
}

/** A host that is called by its address is called by its new one after a move. */
async function renameAddress(tx: Tx, row: HostRow, address: string): Promise<void> {
  if (row.name_rank === NAME_RANK.address) await renameHost(tx, row.id, address, NAME_RANK.address);
}

/** Takes a name that rests on something at least as good, unless another present host has it. */
export async function renameHost(tx: Tx, hostId: string, name: string, rank: number): Promise<void> {
  const row = await hostRow(tx.db, hostId);
  if (!row || row.name === name || rank < row.name_rank) return;
  if (rank < NAME_RANK.host && (await nameIsTaken(tx.db, name, hostId))) return;
  await updateHost(tx.db, hostId, { name, name_rank: rank });
  await tx.record({
    type: 'discovery.host.changed',
    subject: { kind: 'host', id: hostId, name },
    detail: { before: { name: row.name }, after: { name }, why: 'a better name is known' },
  });
}
