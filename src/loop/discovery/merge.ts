import type { Actor } from '../../model/actor.ts';
import type { Host, Identifier, Tags } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Subject } from '../../model/trail.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { newId } from '../../platform/ids.ts';
import { strong } from './logic/strong.ts';
import { rejudge } from './rejudge.ts';
import { leaveAddresses, noteAddress } from './store-addresses.ts';
import { findHost, hostRow, lockIdentities, noteDecision, updateHost } from './store-hosts.ts';
import { holdHosts } from './store-presence.ts';
import { handEndpoints } from './store-moved.ts';
import { noteIdentifiers } from './store-seen.ts';
import {
  areApart,
  currentAddresses,
  dropIdentifiers,
  insertMerge,
  keepApart,
  lastMerge,
  type MergeRow,
  type Said,
  returnSightings,
  undoneMerge,
} from './store-merges.ts';
import type { SourceRow } from './store-sources.ts';

export interface Merge {
  from: string;
  into: string;
  /** the addresses that go along */
  addresses: string[];
  why: string;
}

/**
 * Two records are one machine: what `from` has at these addresses is `into`'s, and so is what people said of it where
 * nobody said it of `into`. What moved is kept, to take it back. False: one of the two was merged or replaced meanwhile.
 */
export async function merge(tx: Tx, { from, into, addresses, why }: Merge): Promise<boolean> {
  await lockIdentities(tx.db);
  await holdHosts(tx.db, [from, into]);
  const [old, kept] = await Promise.all([findHost(tx.db, from), findHost(tx.db, into)]);
  if (!old || !kept || old.supersededBy || kept.supersededBy) return false;
  const there = (await currentAddresses(tx.db, from)).filter(({ address }) => addresses.includes(address));
  const before = await currentAddresses(tx.db, into);
  await leaveAddresses(tx.db, from, addresses, tx.now);
  for (const { address, how, site } of there) await noteAddress(tx.db, into, address, how, tx.now, site);
  const endpoints = await handEndpoints(tx.db, { from, to: into, addresses: there.map(({ address }) => address) });
  const identifiers = old.identifiers.filter((one) => !has(kept.identifiers, one));
  await noteIdentifiers(tx.db, into, identifiers, tx.now);
  const after = saidOfBoth(old, kept);
  await insertMerge(tx.db, {
    id: newId('merge'),
    at: tx.now,
    from_id: from,
    into_id: into,
    why,
    moved: {
      fromNote: old.note,
      intoNote: kept.note,
      addresses: there,
      before,
      endpoints,
      identifiers,
      own: kept.identifiers,
      said: { before: { claim: kept.claim, owner: kept.owner, tags: kept.tags }, after },
    },
  });
  await updateHost(tx.db, from, { superseded_by: into, note: `merged into ${into}: ${why}` });
  await updateHost(tx.db, into, {
    claim: after.claim,
    owner: after.owner,
    tags: JSON.stringify(after.tags),
    ...(kept.note?.startsWith('cloned identity') ? { note: null } : {}),
  });
  await rejudge(tx, into);
  for (const { address } of there)
    await noteDecision(tx.db, { hostId: into, at: tx.now, kind: 'merged', address, why });
  await tx.record({
    type: 'discovery.host.merged',
    subject: { kind: 'host', id: into, name: kept.name },
    related: [{ kind: 'host', id: from, name: old.name }],
    detail: { why, from, fromName: old.name, into, addresses: there.map(({ address }) => address) },
  });
  await tx.publish('hosts', { hostId: into });
  return true;
}

/** Known wins over set aside, and that over unknown; what `into` has of its own stays. */
function saidOfBoth(from: Host, into: Host): Said {
  const claims = [into.claim, from.claim];
  const claim = claims.includes('known') ? 'known' : claims.includes('ignored') ? 'ignored' : 'unknown';
  return { claim, owner: into.owner ?? from.owner, tags: { ...from.tags, ...into.tags } };
}

const has = (all: readonly Identifier[], one: Identifier): boolean =>
  all.some((i) => i.kind === one.kind && i.value === one.value);

/**
 * A source says that these records are one machine. That alone merges nothing (row 1.10); that what was measured at both
 * shows one key does. Records that only lists know are nobody's measurement and go along.
 */
export async function mergeListed(
  tx: Tx,
  hostIds: readonly string[],
  { name, kind }: Pick<SourceRow, 'name' | 'kind'>,
): Promise<void> {
  for (const id of hostIds.slice(1)) {
    const [first, other] = await Promise.all([findHost(tx.db, hostIds[0]!), findHost(tx.db, id)]);
    if (!first || !other || other.management === 'managed' || other.agentId) continue;
    const shared = strong(other.identifiers).filter(
      (one) => one.kind === 'ssh-host-key' && has(first.identifiers, one),
    );
    if (shared.length === 0 || (await areApart(tx.db, first.id, other.id))) continue;
    const why = `${name} (${kind}) lists both as one machine, and both show the SSH host key ${shared[0]!.value}`;
    await merge(tx, { from: other.id, into: first.id, addresses: other.addresses, why });
  }
}

/** A person says that two records are one machine. */
export async function mergeByHand(
  platform: Platform,
  actor: Actor,
  asked: { from: string; into: string; reason: string },
): Promise<void> {
  if (asked.from === asked.into) throw new AppError('MERGE_INVALID', { why: 'it is one record already' });
  const from = await mustBePresent(platform, asked.from);
  const into = await mustBePresent(platform, asked.into);
  if (from.agentId || from.management === 'managed') {
    const why = `${from.name} is managed by itself, so it is a machine of its own`;
    throw new AppError('MERGE_INVALID', { why });
  }
  const why = `${actor.name}: ${asked.reason}`;
  await platform.observe(actor, async (tx) => {
    const done = await merge(tx, { from: from.id, into: into.id, addresses: from.addresses, why });
    if (!done) throw new AppError('MERGE_INVALID', { why: 'one of them was merged or replaced a moment ago' });
  });
}

async function mustBePresent(platform: Platform, id: string) {
  const host = await findHost(platform.db, id);
  if (!host) throw new AppError('NOT_FOUND', { what: 'host', id, list: 'hosts' });
  if (host.supersededBy) throw new AppError('MERGE_INVALID', { why: `${host.name} was merged or replaced already` });
  return host;
}

/**
 * Takes back the last merge into this host (or the one of `from`): both are again what they were, what was seen since
 * then at the addresses that go back goes along, and nothing merges the two again by itself.
 */
export async function splitHost(
  platform: Platform,
  actor: Actor,
  asked: { id: string; from?: string | undefined; reason: string },
): Promise<{ hostId: string; from: string }> {
  const made = await lastMerge(platform.db, asked.id, asked.from);
  if (!made) throw new AppError('SPLIT_INVALID', { id: asked.id });
  const why = `${actor.name}: ${asked.reason}`;
  await platform.observe(actor, (tx) => takeBack(tx, made, why));
  return { hostId: made.into_id, from: made.from_id };
}

async function takeBack(tx: Tx, made: MergeRow, why: string): Promise<void> {
  const { moved, from_id: from, into_id: into } = made;
  await lockIdentities(tx.db);
  await holdHosts(tx.db, [from, into]);
  const [old, kept] = await Promise.all([hostRow(tx.db, from), hostRow(tx.db, into)]);
  if (kept?.superseded_by) throw new AppError('SPLIT_INVALID', { id: into });
  if (!(await undoneMerge(tx.db, made.id, tx.now))) throw new AppError('SPLIT_INVALID', { id: into });
  const held = new Set((await currentAddresses(tx.db, into)).map(({ address }) => address));
  const back = moved.addresses.filter(({ address }) => held.has(address));
  const own = new Map(moved.before.map(({ address, how }) => [address, how]));
  const addresses = back.map(({ address }) => address);
  await leaveAddresses(tx.db, into, addresses, tx.now);
  for (const { address, how, site } of back) {
    // An address has one holder who was measured there.
    const was = own.get(address);
    if (was !== undefined) await noteAddress(tx.db, into, address, how === 'measured' ? 'claimed' : was, tx.now, site);
    await noteAddress(tx.db, from, address, how, tx.now, site);
  }
  const gone = addresses.filter((address) => !own.has(address));
  // What moved on with the machine is what that one serves where it is now.
  const staying = [...held].filter((address) => !addresses.includes(address));
  await handEndpoints(tx.db, { from: into, to: from, addresses: gone, ids: moved.endpoints, staying });
  const shown = await returnSightings(tx.db, { into, from, addresses: gone, since: made.at });
  const foreign = [...moved.identifiers, ...shown].filter((one) => !has(moved.own, one));
  await dropIdentifiers(tx.db, into, foreign);
  await noteIdentifiers(tx.db, from, shown, tx.now);
  await updateHost(tx.db, from, { superseded_by: null, note: moved.fromNote });
  await updateHost(tx.db, into, { note: moved.intoNote, ...unsaid(moved, kept) });
  await keepApart(tx.db, from, into, tx.now);
  const named = (id: string, row: { name: string } | undefined): Subject => ({
    kind: 'host',
    id,
    ...(row ? { name: row.name } : {}),
  });
  for (const hostId of [from, into]) {
    const at = { hostId, at: tx.now, kind: 'split', address: back[0]?.address ?? moved.addresses[0]?.address ?? '' };
    await noteDecision(tx.db, { ...at, why: `the merge of ${made.at.toISOString()} was taken back: ${why}` });
    await rejudge(tx, hostId);
    await tx.publish('hosts', { hostId });
  }
  await tx.record({
    type: 'discovery.host.split',
    subject: named(from, old),
    related: [named(into, kept)],
    detail: { why, merge: made.id, addresses: back.map(({ address }) => address) },
  });
}

/** What a merge had said of `into` for `from`'s sake, where nobody has said otherwise since. */
function unsaid({ said: { before, after } }: MergeRow['moved'], kept: Awaited<ReturnType<typeof hostRow>>) {
  if (!kept) return {};
  return {
    ...(kept.claim === after.claim ? { claim: before.claim } : {}),
    ...(kept.owner === after.owner ? { owner: before.owner } : {}),
    ...(canonicalTags(kept.tags) === canonicalTags(after.tags) ? { tags: JSON.stringify(before.tags) } : {}),
  };
}

const canonicalTags = (tags: Tags): string =>
  JSON.stringify(Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
