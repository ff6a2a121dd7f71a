import { sql } from 'kysely';
import type { ComponentFact, OsFacts, PackageFact, SectionName, SocketFact } from '../../model/facts.ts';
import { systemActor } from '../../model/actor.ts';
import type { DbOrTx, Platform, Tx } from '../../platform/context.ts';
import { prepared } from '../../platform/db/prepared.ts';
import { canonicalBytes, sha256Hex } from '../../platform/ledger/index.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Installed } from './logic/advisories/match.ts';
import { streamOfHost } from './logic/advisories/streams.ts';
import { asInstalled, interned, type OfSystem } from './logic/interned.ts';
import { matchPackages } from './match-packages.ts';
import { lockHost } from './store-facts.ts';
import {
  advisoriesOn,
  hostsToIntern,
  internPackages,
  type ListSection,
  listIdOf,
  notePeers,
  putList,
  putSystem,
  setHostList,
  type System,
} from './store-interned.ts';
import { changedBetween } from './store-matches.ts';
import { noteRecount } from './store-recount.ts';
import { type Difference, recordDifference } from './tell-matches.ts';

/** Sections that decide which packages a host has, and what they are exposed to. */
export const INTERNED: ReadonlySet<SectionName> = new Set<SectionName>(['os', 'packages', 'inventories', 'sockets']);

interface Known {
  hashes: Partial<Record<ListSection, string>>;
  /** the lists that it has so far */
  lists: Partial<Record<ListSection, number>>;
  running: string | null;
  stream: string | null;
  system: System;
}

/** Contents that came just now, by section, as they were stored: they need not be read again. */
export type Fresh = ReadonlyMap<string, string>;

/**
 * The host's packages as lists of distinct ones, inside the transaction that its facts came in. A list that any host had
 * before costs a look; a package that nobody had is matched here and now, so that no moment is without a verdict.
 */
export async function internHost(
  discovery: Pick<Discovery, 'briefs'>,
  tx: Tx,
  hostId: string,
  fresh: Fresh = new Map(),
): Promise<void> {
  const known = await knownOf(tx.db, hostId);
  const difference: Difference = { opened: [], closed: [] };
  const lists: number[] = [];
  for (const section of ['packages', 'inventories'] as const) {
    const hash = known.hashes[section];
    const list = hash === undefined ? null : await listOf(tx, { section, hash, text: fresh.get(section) }, known);
    const before = known.lists[section] ?? null;
    if (before === list) continue;
    await setHostList(tx.db, { hostId, section }, list, tx.now);
    lists.push(...[before, list].filter((one) => one !== null));
    await compare(tx.db, before, list, difference);
  }
  const exposed = await putSystem(tx.db, hostId, known.system);
  if (lists.length > 0) await noteRecount(tx, { lists });
  if (exposed !== null && exposed.length > 0) await recountExposed(tx, hostId, exposed);
  if (difference.opened.length + difference.closed.length === 0) return;
  const name = (await discovery.briefs({ ids: [hostId] }))[0]?.name ?? hostId;
  await recordDifference(tx, { kind: 'host', id: hostId, name }, difference, 1);
}

/** Whether it listens is a factor of a priority, without any package having changed. */
async function recountExposed(tx: Tx, hostId: string, names: readonly string[]): Promise<void> {
  const advisories = await advisoriesOn(tx.db, hostId, names);
  if (advisories.length > 0) await noteRecount(tx, { advisories });
}

/** The host tells of others connections than before: so many depend on it. */
export async function followPeers(tx: Tx, hostId: string): Promise<void> {
  for (const list of await notePeers(tx.db, hostId)) await noteRecount(tx, { lists: [list] });
}

async function knownOf(db: DbOrTx, hostId: string): Promise<Known> {
  const { sections: rows, lists } = await rowsOf(db, hostId);
  const of = (name: SectionName): SectionRow => rows.find((row) => row.name === name) ?? ABSENT;
  const hashes: Known['hashes'] = {};
  for (const section of ['packages', 'inventories'] as const) {
    const { hash } = of(section);
    if (hash !== null) hashes[section] = hash;
  }
  const { kernel, versionId, updatesFrom } = of('os');
  return {
    hashes,
    lists,
    running: kernel,
    stream: versionId === null ? null : streamOfHost({ versionId, updatesFrom: updatesFrom ?? undefined }),
    system: {
      versionId,
      ecosystems: of('packages').ecosystems ?? [],
      unread: of('inventories').unread,
      listens: listens(of('sockets').sockets ?? []),
    },
  };
}

interface SectionRow {
  name: string;
  hash: string | null;
  kernel: string | null;
  versionId: string | null;
  updatesFrom: OsFacts['updatesFrom'] | null;
  sockets: SocketFact[] | null;
  ecosystems: string[] | null;
  unread: number | null;
}
const ABSENT: SectionRow = {
  name: '',
  hash: null,
  kernel: null,
  versionId: null,
  updatesFrom: null,
  sockets: null,
  ecosystems: null,
  unread: null,
};

/** What is asked of each section only: lists of packages are long, and most hosts have one that is known. */
async function rowsOf(db: DbOrTx, hostId: string): Promise<{ sections: SectionRow[]; lists: Known['lists'] }> {
  const { rows } = await sql<{ sections: SectionRow[] | null; lists: Known['lists'] | null }>`${prepared}
    select (select json_agg(json_build_object('name', s.name, 'hash', s.hash, 'ecosystems', c.ecosystems,
        'kernel', case s.name when 'os' then c.data ->> 'kernel' end,
        'versionId', case s.name when 'os' then c.data ->> 'versionId' end,
        'updatesFrom', case s.name when 'os' then c.data -> 'updatesFrom' end,
        'sockets', case s.name when 'sockets' then c.data end,
        'unread', case s.name when 'inventories' then jsonb_array_length(c.data -> 'unread') end))
      from audit.section s join audit.section_content c on c.name = s.name and c.hash = s.hash
      where s.host_id = ${hostId} and s.name = any(${[...INTERNED]}::text[])) as sections,
    (select json_object_agg(h.section, h.list_id) from audit.host_list h
      where h.host_id = ${hostId} and h.until is null) as lists`.execute(db);
  const { sections, lists } = rows[0]!;
  return { sections: sections ?? [], lists: lists ?? {} };
}

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/i;

function listens(sockets: readonly SocketFact[]): string[] {
  const open = sockets.filter(({ address }) => !LOOPBACK.test(address));
  return [...new Set(open.flatMap((one) => one.package ?? []))].toSorted();
}

/** What a list is known by: the release, its stream and the running kernel decide what packages are judged as. */
export function listKey(
  section: ListSection,
  hash: string,
  { versionId, stream, running }: OfSystem & { running: string | null },
): string {
  const judgedAs = [versionId, running, ...(stream === null ? [] : [stream])];
  return sha256Hex(canonicalBytes([section, hash, ...(section === 'packages' ? judgedAs : [])]));
}

async function listOf(
  tx: Tx,
  { section, hash, text }: { section: ListSection; hash: string; text: string | undefined },
  known: Known,
): Promise<number> {
  const system = { versionId: known.system.versionId, stream: known.stream };
  const key = listKey(section, hash, { ...system, running: known.running });
  const there = await listIdOf(tx.db, key);
  if (there !== null) return there;
  const content = text === undefined ? await contentOf(tx.db, section, hash) : (JSON.parse(text) as Content);
  const { ids, added } = await internPackages(tx.db, interned(installedIn(content, system), known.running));
  if (added.length > 0) await matchPackages(tx, added);
  return putList(tx.db, { key, section, hash, packages: ids });
}

type Content = PackageFact[] | { components: ComponentFact[] };

async function contentOf(db: DbOrTx, section: ListSection, hash: string): Promise<Content> {
  const { rows } = await sql<{ data: Content }>`
    select data from audit.section_content where name = ${section} and hash = ${hash}`.execute(db);
  return rows[0]?.data ?? [];
}

const installedIn = (content: Content, system: OfSystem): (Installed & { library: boolean })[] =>
  Array.isArray(content) ? content.map((fact) => asInstalled(fact, system)) : content.components.map(asLibrary);

const asLibrary = ({ ecosystem, name, version }: ComponentFact): Installed & { library: boolean } => ({
  ecosystem,
  name,
  version,
  release: null,
  source: name,
  sourceVersion: version,
  stream: null,
  foreign: false,
  library: true,
});

async function compare(db: DbOrTx, before: number | null, now: number | null, into: Difference): Promise<void> {
  for (const { advisory, opened, closed } of await changedBetween(db, before, now)) {
    if (opened) into.opened.push(advisory);
    if (closed) into.closed.push(advisory);
  }
}

/** As many as one run takes. */
const AT_ONCE = 500;

/**
 * By timer: facts that were stored before packages were interned, and hosts that are back from being taken for another.
 * Each host by itself, so that it goes on where it stopped. Returns how many there were.
 */
export async function internStored(
  platform: Platform,
  discovery: Pick<Discovery, 'briefs'>,
  hostIds: readonly string[],
): Promise<number> {
  const due = await hostsToIntern(platform.db, hostIds, AT_ONCE);
  for (const hostId of due) {
    if (platform.stopping.aborted) break;
    await platform.observe(systemActor('audit.intern'), async (tx) => {
      await lockHost(tx.db, hostId);
      await internHost(discovery, tx, hostId);
    });
  }
  return due.length;
}
