import type { Identifier, Sighting } from '../../model/estate.ts';
import type { Subject } from '../../model/trail.ts';
import type { EntryDraft, Platform, Tx } from '../../platform/context.ts';
import { normalAddress } from '../../scan/logic/address.ts';
import { AppError } from '../../model/errors/index.ts';
import { addressOfPlace, atPlace } from './logic/place.ts';
import type { Meanwhile } from './logic/meanwhile.ts';
import { partsOf } from './logic/parts.ts';
import { type Decision, isMeasured, reconcile, seenAgain } from './logic/reconcile.ts';
import { mayRename, NAME_RANK, rankOf, renameHost, renameMoved } from './names.ts';
import { stoodFor } from './logic/shared.ts';
import type { Surroundings } from './logic/surroundings.ts';
import { noteRepeats, repeatsIn, seenOf, sortOut } from './repeats.ts';
import { noteFaces } from './shared.ts';
import { leavePlaces, type Place } from './store-addresses.ts';
import { type HostAround, hostsAround } from './store-around.ts';
import { abandonEndpoints, moveEndpoints, withEndpoints } from './store-endpoints.ts';
import {
  hostRow,
  hostRows,
  insertHosts,
  lockIdentities,
  namesTaken,
  type NewHost,
  noteDecisions,
  type NotedDecision,
  planByKey,
  planFreely,
  updateHost,
} from './store-hosts.ts';
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

const isFresh = (decision: Decision): boolean => ['new', 'clone', 'replaced'].includes(decision.kind);

async function makeHosts(tx: Tx, decisions: readonly Decision[], sightings: readonly Sighting[]): Promise<void> {
  const fresh = new Map<string, { decision: Decision; sighting: Sighting }>();
  for (const [index, decision] of decisions.entries()) {
    if (isFresh(decision) && !fresh.has(decision.hostId))
      fresh.set(decision.hostId, { decision, sighting: sightings[index]! });
  }
  if (fresh.size === 0) return;
  const all = [...fresh.values()];
  const before = await hostRows(
    tx.db,
    all.flatMap(({ decision }) => decision.replaces ?? []),
  );
  const names = new Names(await namesTaken(tx.db, all.map(({ sighting }) => servedName(sighting)).filter(isText)));
  const made = all.map((one) => madeOf(one, before.get(one.decision.replaces ?? ''), names));
  await insertHosts(
    tx.db,
    made.map(({ host }) => host),
  );
  await tx.recordAll(made.map(foundEntry));
  for (const { decision, sighting, replaced } of made) {
    if (!replaced) continue;
    await updateHost(tx.db, replaced.id, {
      superseded_by: decision.hostId,
      note: `replaced by ${decision.hostId} at ${sighting.address}: ${decision.why}`,
    });
  }
}

/** Names of hosts that are there, and of those that this batch makes. */
class Names {
  readonly #holders: ReadonlyMap<string, readonly string[]>;
  readonly #given = new Set<string>();

  constructor(holders: ReadonlyMap<string, readonly string[]>) {
    this.#holders = holders;
  }

  isTaken(name: string, besides: string): boolean {
    return this.#given.has(name) || (this.#holders.get(name) ?? []).some((id) => id !== besides);
  }

  give(name: string): void {
    this.#given.add(name);
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const servedName = ({ evidence }: Sighting): unknown => evidence?.certificateName;

interface Made {
  host: NewHost;
  decision: Decision;
  sighting: Sighting;
  replaced: HostRow | undefined;
}

function madeOf(
  { decision, sighting }: { decision: Decision; sighting: Sighting },
  replaced: HostRow | undefined,
  names: Names,
): Made {
  const claim = sighting.source === 'import' ? 'known' : 'unknown';
  const note = replaced ? `took the place of ${replaced.name} (${replaced.id}) at ${sighting.address}` : null;
  const { name, rank } = firstName(decision.replaces ?? decision.hostId, sighting, names);
  names.give(name);
  const guess = isText(sighting.evidence?.guess) ? sighting.evidence.guess : null;
  const first_seen = new Date(sighting.at);
  const host = { id: decision.hostId, name, name_rank: rank, claim, guess, note, first_seen } as const;
  return { host, decision, sighting, replaced };
}

function foundEntry({ host: { name, guess, claim }, decision, sighting, replaced }: Made): EntryDraft {
  const related: Subject[] = replaced ? [{ kind: 'host', id: replaced.id, name: replaced.name }] : [];
  if (decision.cloneOf) related.push({ kind: 'host', id: decision.cloneOf });
  return {
    type: 'discovery.host.found',
    subject: { kind: 'host', id: decision.hostId, name },
    related,
    detail: {
      name,
      guess,
      claim,
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
function firstName(besides: string, sighting: Sighting, names: Names): { name: string; rank: number } {
  if (sighting.hostname) return { name: sighting.hostname, rank: rankOf(sighting) };
  const served = servedName(sighting);
  if (isText(served) && !names.isTaken(served, besides)) return { name: served, rank: NAME_RANK.certificate };
  return { name: sighting.address, rank: NAME_RANK.address };
}

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
  await abandonEndpoints(tx, displaced);
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
    if (serving.has(decision.hostId)) await moveEndpoints(tx.db, decision.hostId, decision.from, sighting.address);
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

async function settleOne(tx: Tx, decision: Decision, sighting: Sighting, row: HostRow): Promise<void> {
  const known = { name: row.name, nameRank: row.name_rank, isSuperseded: row.superseded_by !== null };
  if (isOld({ ...decision, kind: 'seen' }, sighting, known)) return;
  const now = (await hostRow(tx.db, decision.hostId))!;
  if (now.superseded_by) await comeBack(tx, now, decision);
  if (decision.cloneOf) await noteClone(tx, now, decision, decision.cloneOf);
  if (sighting.hostname && mayRename(sighting, now.name_rank))
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
