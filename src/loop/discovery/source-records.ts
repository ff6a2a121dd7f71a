import type { Actor } from '../../model/actor.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { chunks } from '../../platform/db/many.ts';
import { mergeListed } from './merge.ts';
import { sightingsOf } from './logic/source-records.ts';
import { rejudge } from './rejudge.ts';
import { recordSightings } from './sightings.ts';
import type { SourceRecord } from './sources/contract.ts';
import { measuredAmong, type SourceRow } from './store-sources.ts';
import { hostRow, hostRows, updateHost } from './store-hosts.ts';

/** Records of one transaction: an identity lock is held meanwhile. */
const TOGETHER = 50;

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
  for (const some of chunks(records, TOGETHER)) {
    taken.push(await platform.observe(actor, (tx) => takeSome(platform, tx, from, some)));
  }
  return taken;
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
  const rows = await hostRows(
    tx.db,
    decisions.map(({ hostId }) => hostId),
  );
  let at = 0;
  const taken: Taken = { addresses: decisions.length, newHosts: 0, claimed: 0 };
  for (const [index, record] of records.entries()) {
    const own = decisions.slice(at, (at += sightings[index]!.length));
    taken.newHosts += own.filter(({ kind }) => ['new', 'clone', 'replaced'].includes(kind)).length;
    const hostIds = [...new Set(own.map(({ hostId }) => hostId))];
    for (const hostId of hostIds) {
      // Most of what a source tells is known: one question for all, and one more for each that changes.
      if (!said(rows.get(hostId), record, from)) continue;
      if (await applyRecord(tx, hostId, record, from)) taken.claimed++;
    }
    if (from.of !== 'machines') continue;
    const there = record.addresses.flatMap((address) => measured.get(address) ?? []);
    await mergeListed(tx, [...new Set([...hostIds, ...there])], from.row);
  }
  return taken;
}

/** What a record would add to a host; null: nothing. */
function said(host: HostRow | undefined, record: SourceRecord, { isList }: Pick<From, 'isList'>) {
  if (!host) return null;
  const tags = { ...record.tags, ...host.tags };
  const owner = host.owner ?? record.owner ?? null;
  const isClaimed = isList && host.claim === 'unknown';
  const isTagged = Object.keys(tags).length > Object.keys(host.tags).length;
  return isClaimed || isTagged || owner !== host.owner ? { tags, owner, isClaimed } : null;
}

type HostRow = NonNullable<Awaited<ReturnType<typeof hostRow>>>;

/** What people wrote about a machine elsewhere fills what nobody wrote here. True: the host was claimed by that. */
async function applyRecord(tx: Tx, hostId: string, record: SourceRecord, { row, isList }: From): Promise<boolean> {
  const host = await hostRow(tx.db, hostId);
  const news = said(host, record, { isList });
  if (!host || !news) return false;
  const { tags, owner, isClaimed } = news;
  await updateHost(tx.db, hostId, { owner, tags: JSON.stringify(tags), ...(isClaimed ? { claim: 'known' } : {}) });
  const subject = { kind: 'host' as const, id: hostId, name: host.name };
  const reason = `listed by ${row.name} (${row.kind})`;
  const detail = {
    reason,
    before: { claim: host.claim, owner: host.owner, tags: host.tags },
    after: { claim: isClaimed ? 'known' : host.claim, owner, tags },
  };
  await tx.record({ type: isClaimed ? 'discovery.host.claimed' : 'discovery.host.tagged', subject, detail });
  await rejudge(tx, hostId);
  return isClaimed;
}
