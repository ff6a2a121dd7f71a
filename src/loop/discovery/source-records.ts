import type { Actor } from '../../model/actor.ts';
import type { Sighting } from '../../model/estate.ts';
import type { EntryDraft, Platform, Tx } from '../../platform/context.ts';
import { mergeListed } from './merge.ts';
import type { Decision } from './logic/reconcile.ts';
import { sightingsOf } from './logic/source-records.ts';
import { rejudge } from './rejudge.ts';
import { recordSightings } from './sightings.ts';
import type { SourceRecord } from './sources/contract.ts';
import { measuredAmong, type SourceRow } from './store-sources.ts';
import { describeTold, type PlainHostRow, hostRows, lockedHostRows } from './store-hosts.ts';

/**
 * Addresses of one transaction, or a few more: an identity lock is held meanwhile, for as long as a batch of a scan holds it.
 * With fewer, most of the time goes into questions that are the same for one and for a thousand.
 */
const TOGETHER = 1000;

interface From {
  row: SourceRow;
  of: 'machines' | 'addresses';
  isList: boolean;
  /** what this run has told of so far, as `inventory-id` */
  told: Set<string>;
}

export interface Taken {
  addresses: number;
  newHosts: number;
  claimed: number;
}

/** Records become hosts, tags and claims; each chunk is whole or not at all. */
export async function takeRecords(
  platform: Platform,
  actor: Actor,
  from: From,
  records: readonly SourceRecord[],
): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const some of together(records)) {
    taken.push(await platform.observe(actor, (tx) => takeSome(platform, tx, from, some)));
  }
  return taken;
}

function* together(records: readonly SourceRecord[]): Generator<SourceRecord[]> {
  let some: SourceRecord[] = [];
  let addresses = 0;
  for (const record of records) {
    some.push(record);
    addresses += record.addresses.length;
    if (addresses < TOGETHER) continue;
    yield some;
    [some, addresses] = [[], 0];
  }
  if (some.length > 0) yield some;
}

async function takeSome(platform: Platform, tx: Tx, from: From, records: readonly SourceRecord[]): Promise<Taken> {
  const measured = await measuredAmong(
    tx.db,
    records.flatMap((record) => record.addresses),
  );
  const about = { at: tx.now.toISOString(), isMeasured: (address: string) => measured.has(address) };
  const source = { id: from.row.id, name: from.row.name, kind: from.row.kind, of: from.of };
  const sightings = records.map((record) => sightingsOf(source, record, about));
  for (const { kind, value } of sightings.flat().flatMap(({ identifiers }) => identifiers))
    if (kind === 'inventory-id') from.told.add(value);
  const told = (id: string): boolean => from.told.has(id);
  const decisions = await recordSightings(platform, tx, sightings.flat(), undefined, undefined, told);
  const taken: Taken = { addresses: decisions.length, newHosts: 0, claimed: 0 };
  const of = recordsOfHosts(records, sightings, decisions);
  taken.newHosts = decisions.filter(({ kind }) => ['new', 'clone', 'replaced'].includes(kind)).length;
  taken.claimed = await applyRecords(tx, of, from);
  if (from.of !== 'machines') return taken;
  for (const { record, hostIds } of of) {
    const there = record.addresses.flatMap((address) => measured.get(address) ?? []);
    await mergeListed(tx, [...new Set([...hostIds, ...there])], from.row);
  }
  return taken;
}

interface About {
  record: SourceRecord;
  hostIds: string[];
}

function recordsOfHosts(
  records: readonly SourceRecord[],
  sightings: readonly (readonly Sighting[])[],
  decisions: readonly Decision[],
): About[] {
  let at = 0;
  return records.map((record, index) => {
    const own = decisions.slice(at, (at += sightings[index]!.length));
    return { record, hostIds: [...new Set(own.map(({ hostId }) => hostId))] };
  });
}

/**
 * What people wrote about machines elsewhere fills what nobody wrote here. Most of what a source tells is known: one
 * question for all, and one more for those that change. Returns how many were claimed by that.
 */
async function applyRecords(tx: Tx, all: readonly About[], from: From): Promise<number> {
  const known = await hostRows(
    tx.db,
    all.flatMap(({ hostIds }) => hostIds),
  );
  const open = all.flatMap(({ record, hostIds }) =>
    hostIds.filter((id) => said(known.get(id), record, from)).map((id) => ({ id, record })),
  );
  if (open.length === 0) return 0;
  const rows = await lockedHostRows(
    tx.db,
    open.map(({ id }) => id),
  );
  const entries: EntryDraft[] = [];
  for (const { id, record } of open) {
    const host = rows.get(id);
    const news = said(host, record, from);
    if (!host || !news) continue;
    rows.set(id, { ...host, ...news });
    entries.push(appliedEntry(host, news, from));
    await rejudge(tx, id);
  }
  await describeTold(tx.db, [...rows.values()]);
  await tx.recordAll(entries);
  return entries.filter(({ type }) => type === 'discovery.host.claimed').length;
}

type News = Pick<PlainHostRow, 'tags' | 'owner' | 'claim'>;

/** What a host is called by with this record, where that adds anything; null: it does not. */
function said(host: PlainHostRow | undefined, record: SourceRecord, { isList }: Pick<From, 'isList'>): News | null {
  if (!host) return null;
  const tags = { ...record.tags, ...host.tags };
  const owner = host.owner ?? record.owner ?? null;
  const claim = isList && host.claim === 'unknown' ? 'known' : host.claim;
  const isTagged = Object.keys(tags).length > Object.keys(host.tags).length;
  return isTagged || owner !== host.owner || claim !== host.claim ? { tags, owner, claim } : null;
}

function appliedEntry(host: PlainHostRow, news: News, { row }: From): EntryDraft {
  const { id, name, claim, owner, tags } = host;
  return {
    type: news.claim === claim ? 'discovery.host.tagged' : 'discovery.host.claimed',
    subject: { kind: 'host', id, name },
    detail: { reason: `listed by ${row.name} (${row.kind})`, before: { claim, owner, tags }, after: { ...news } },
  };
}
