import type { Identifier, Sighting } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { AppError } from '../../model/errors/index.ts';
import { addressOfPlace, atPlace } from './logic/place.ts';
import type { Meanwhile } from './logic/meanwhile.ts';
import { partsOf } from './logic/parts.ts';
import { type Decision, isMeasured, reconcile, seenAgain } from './logic/reconcile.ts';
import { isFresh, makeHosts } from './new-hosts.ts';
import { mayRename, NAME_RANK, rankOf, renameHost, renameMoved } from './names.ts';
import { stoodFor } from './logic/shared.ts';
import type { Surroundings } from './logic/surroundings.ts';
import { noteRepeats, repeatsIn, seenOf, sortOut } from './repeats.ts';
import { noteFaces } from './shared.ts';
import { leavePlaces, type Place } from './store-addresses.ts';
import { type HostAround, hostsAround } from './store-around.ts';
import { abandonEndpoints, withEndpoints } from './store-endpoints.ts';
import {
  hostRow,
  type PlainHostRow,
  hostRows,
  lockIdentities,
  noteDecisions,
  type NotedDecision,
  planByKey,
  planFreely,
  updateHost,
} from './store-hosts.ts';
import { moveEndpoints } from './store-moved.ts';
import { goneAmong, standNow } from './store-repeats.ts';
import { noteSeen, noteWords, type Seen } from './store-seen.ts';
import { facesAround } from './store-shared.ts';

export type Alive = (address: string, identifier: Identifier) => boolean;
/** Those of these hosts whose own agent reports right now, from another machine than the one that was sighted. */
export type Reporting = (hostIds: string[]) => Promise<ReadonlySet<string>>;
type Ids = Pick<Platform, 'newId'>;

interface Deciding {
  around: Surroundings;
  reporting: Reporting;
}

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
  if (sightings.length === 0) return [];
  await planByKey(tx.db);
  const around = { newId: () => platform.newId('host'), alive, ...(told ? { told } : {}) };
  const stand = await standNow(tx.db);
  const repeats = await repeatsIn(tx.db, sightings);
  const isNoted = repeats.size === sightings.length && (await noteRepeats(tx.db, sightings, repeats, stand));
  const decisions = isNoted
    ? decidedBy(sightings, repeats)
    : await decideOrRepeat(tx, { sightings, repeats, stand }, { around, reporting });
  await planFreely(tx.db);
  await tx.publish('hosts', { hostId: decisions[0]!.hostId });
  return decisions;
}

/** Of a batch, part by part, what does not only repeat what stands. */
async function decideOrRepeat(
  tx: Tx,
  { sightings, repeats, stand }: { sightings: readonly Sighting[]; repeats: Map<number, string>; stand: string },
  deciding: Deciding,
): Promise<Decision[]> {
  await lockIdentities(tx.db);
  for (const index of await goneAmong(tx.db, sightings, repeats, stand)) repeats.delete(index);
  const { open, hosts } = await sortOut(tx.db, sightings, repeats);
  const decisions = decidedBy(sightings, repeats);
  const touched = new Set(hosts.map(({ id }) => id));
  // Who is to be noted as seen, at the latest in the end.
  const seen = seenOf(sightings, repeats);
  let isHeld = false;
  const left = open.values();
  let next = left.next();
  for (const { to, meanwhile } of partsOf(sightings)) {
    const own: number[] = [];
    for (; !next.done && next.value < to; next = left.next()) own.push(next.value);
    if (own.length === 0) continue;
    const undecided = own.map((index) => sightings[index]!);
    const here = own.length === open.length ? hosts : await hostsAround(tx.db, undecided);
    const part = await decide(tx, { sightings: undecided, meanwhile, hosts: here, ...deciding });
    for (const [place, index] of own.entries()) decisions[index] = part.decisions[place]!;
    const all = own.map((index) => ({ hostId: decisions[index]!.hostId, sighting: sightings[index]! }));
    const isNow = ({ hostId }: Seen): boolean => !isHeld && touched.has(hostId);
    // All that is written of, in one order, before anything else is: whoever repeats some of it at once waits, or we do.
    if (!isHeld) await noteSeen(tx.db, [...seen.splice(0), ...all.filter(isNow)], { holding: [...touched] });
    seen.push(...all.filter((one) => !isNow(one)));
    isHeld = true;
    await writeDown(tx, part);
  }
  const made = new Set(decisions.filter(isFresh).map(({ hostId }) => hostId));
  const { known = [], fresh = [] } = Object.groupBy(seen, ({ hostId }) => (made.has(hostId) ? 'fresh' : 'known'));
  await noteSeen(tx.db, known);
  await noteSeen(tx.db, fresh, { areNew: true });
  return decisions;
}

/** What is known without deciding, each at its place; the others are missing. */
function decidedBy(sightings: readonly Sighting[], repeats: ReadonlyMap<number, string>): Decision[] {
  const decisions: Decision[] = Array.from({ length: sightings.length });
  for (const [index, hostId] of repeats) {
    const { source, address } = sightings[index]!;
    decisions[index] = seenAgain(hostId, `${source} says of ${address} what it said before`);
  }
  return decisions;
}

interface Undecided extends Deciding {
  sightings: readonly Sighting[];
  meanwhile: Meanwhile;
  hosts: readonly HostAround[];
}

interface Decided extends Pick<Undecided, 'sightings' | 'hosts'> {
  decisions: Decision[];
  /** as they were */
  faces: Awaited<ReturnType<typeof facesAround>>;
}

/** Decides, and writes nothing yet. */
async function decide(tx: Tx, { sightings, meanwhile, hosts, around, reporting }: Undecided): Promise<Decided> {
  const faces = await facesAround(
    tx.db,
    sightings.map((sighting) => atPlace(sighting).address),
    hosts.map(({ id }) => id),
  );
  const agents = await reporting(hosts.map(({ id }) => id));
  const decisions = reconcile(
    hosts,
    sightings.map(atPlace),
    { ...around, reports: (id) => agents.has(id), ...stoodFor(faces) },
    meanwhile,
  ).map((one, index) => explained(withAddresses(one), sightings[index]!));
  return { sightings, hosts, decisions, faces };
}

/** What is new or different, and who was seen with it. */
async function writeDown(tx: Tx, { sightings, hosts, decisions, faces }: Decided): Promise<void> {
  // Hosts first: one sighting's decision may name a host that another sighting of the batch makes.
  await makeHosts(tx, decisions, sightings);
  const left = await leave(tx, decisions, sightings);
  await noteWords(tx.db, seenBy(decisions, sightings, hosts));
  const news = decisions.flatMap(({ hostId, kind, why, again }, index) => {
    const { at, address } = sightings[index]!;
    return kind === 'seen' && !again ? [] : [{ hostId, at: new Date(at), kind, address, why }];
  });
  await noteDecisions(tx.db, [...left, ...news]);
  await settle(tx, decisions, sightings, hosts);
  await noteFaces(tx, decisions, sightings.map(atPlace), { hosts, faces });
}

function seenBy(decisions: readonly Decision[], sightings: readonly Sighting[], hosts: readonly HostAround[]): Seen[] {
  const fresh = new Map(hosts.map((host) => [host.id, host.fresh]));
  const gone = new Set(
    decisions.flatMap(({ hostId, kind, displaced }) => [...displaced, ...(kind === 'moved' ? [hostId] : [])]),
  );
  return decisions.map(({ hostId, isElsewhere = false, kind }, index) => ({
    hostId,
    sighting: sightings[index]!,
    isElsewhere,
    // Who moves away in this batch leaves what was fresh.
    fresh: kind === 'seen' && !gone.has(hostId) ? fresh.get(hostId) : undefined,
  }));
}

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

const placeName = ({ hostId, address }: Place): string => `${hostId} ${address}`;

/** Everybody leaves before anybody arrives: an address has one holder. Returns what that was, host by host. */
async function leave(tx: Tx, decisions: readonly Decision[], sightings: readonly Sighting[]): Promise<NotedDecision[]> {
  const displaced: NotedDecision[] = [];
  const left: Place[] = [];
  for (const [index, decision] of decisions.entries()) {
    const { address, at } = sightings[index]!;
    const why = `another machine answers at ${address} now: ${decision.why}`;
    for (const hostId of decision.displaced) displaced.push({ hostId, at: new Date(at), kind: 'left', address, why });
    // What a machine says about itself does not prove that it left its other address.
    if (decision.kind === 'moved' && isMeasured(sightings[index]!))
      for (const from of decision.from) left.push({ hostId: decision.hostId, address: from });
  }
  await leavePlaces(tx.db, [...displaced, ...left], new Date(sightings[0]?.at ?? tx.now));
  // Who is seen elsewhere in this batch takes along what it serves.
  const moved = new Set(left.map(placeName));
  await abandonEndpoints(
    tx,
    displaced.filter((one) => !moved.has(placeName(one))),
  );
  return displaced;
}

/** Most sightings say what is known already. `known` is how things stood before, or what is written down by now. */
function isOld(
  decision: Decision,
  sighting: Sighting,
  known: { name: string; nameRank: number; isSuperseded: boolean },
): boolean {
  const isNamed = !sighting.hostname || known.name === sighting.hostname || !mayRename(sighting, known.nameRank);
  return isNamed && decision.kind !== 'moved' && !known.isSuperseded && !decision.cloneOf;
}

/** What follows for the hosts themselves: names, endpoints that move along, copies, and who is back. */
async function settle(
  tx: Tx,
  decisions: readonly Decision[],
  sightings: readonly Sighting[],
  hosts: readonly HostAround[],
): Promise<void> {
  const before = new Map(hosts.map((host) => [host.id, host]));
  const open = decisions
    .map((decision, index) => ({ decision, sighting: sightings[index]! }))
    .filter(({ decision, sighting }) => {
      const known = before.get(decision.hostId) ?? { name: '', nameRank: 0, isSuperseded: false };
      return !isOld(decision, sighting, known);
    });
  if (open.length === 0) return;
  const rows = await hostRows(
    tx.db,
    open.map(({ decision }) => decision.hostId),
  );
  const moved = open.filter(({ decision, sighting }) => decision.kind === 'moved' && isMeasured(sighting));
  const serving = await withEndpoints(
    tx.db,
    moved.flatMap(({ decision: { hostId, from } }) => from.map((address) => ({ hostId, address }))),
  );
  for (const { decision, sighting } of moved) {
    if (serving.has(decision.hostId)) await moveEndpoints(tx, decision.hostId, decision.from, sighting.address);
  }
  const readdressed = new Map<string, { id: string; name: string; address: string }>();
  for (const { decision, sighting } of open) {
    const row = rows.get(decision.hostId);
    if (!row) throw new Error(`host ${decision.hostId} vanished during reconciliation`);
    // Whoever is called by more than its address is not called by that.
    if (decision.kind === 'moved' && row.name_rank === NAME_RANK.address && !sighting.hostname)
      readdressed.set(row.id, { id: row.id, name: row.name, address: sighting.address });
    await settleOne(tx, decision, sighting, row);
  }
  await renameMoved(tx, [...readdressed.values()]);
}

async function settleOne(tx: Tx, decision: Decision, sighting: Sighting, row: PlainHostRow): Promise<void> {
  const known = { name: row.name, nameRank: row.name_rank, isSuperseded: row.superseded_by !== null };
  if (isOld({ ...decision, kind: 'seen' }, sighting, known)) return;
  const now = (await hostRow(tx.db, decision.hostId))!;
  if (now.superseded_by) await comeBack(tx, now, decision);
  if (decision.cloneOf) await noteClone(tx, now, decision, decision.cloneOf);
  if (sighting.hostname && mayRename(sighting, now.name_rank))
    await renameHost(tx, decision.hostId, sighting.hostname, rankOf(sighting));
}

/** It had been taken for gone, but it only was elsewhere. */
async function comeBack(tx: Tx, row: PlainHostRow, decision: Decision): Promise<void> {
  await updateHost(tx.db, row.id, { superseded_by: null, note: null });
  await tx.record({
    type: 'discovery.host.changed',
    subject: { kind: 'host', id: row.id, name: row.name },
    detail: { before: { supersededBy: row.superseded_by }, after: { supersededBy: null }, why: decision.why },
  });
}

async function noteClone(tx: Tx, row: PlainHostRow, decision: Decision, originalId: string): Promise<void> {
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
