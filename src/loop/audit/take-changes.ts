import { createHash } from 'node:crypto';
import type { Actor } from '../../model/actor.ts';
import type { Platform } from '../../platform/context.ts';
import { FileFetcher } from '../../platform/http/fetch-file.ts';
import { type Change, changesSince, cursorOf, rewound } from './feeds/changes.ts';
import type { Changes } from './feeds/contract.ts';
import type { ReadFeed } from './feeds/read.ts';
import { readApart } from './feeds/reader.ts';
import { LIMITS } from './feeds/unpack.ts';
import { followFeed } from './follow-feed.ts';
import {
  countStatements,
  documentsOf,
  feedRow,
  type FeedRow,
  lockFeed,
  putDocuments,
  saveState,
  type Difference,
} from './store-feeds.ts';
import { plainJson } from './tables.ts';

const TIMEOUT_MS = 10 * 60_000;
const AT_ONCE = 4;
/** One transaction's worth: a break in between loses no more. */
const BATCH = 200;
const BATCH_BYTES = 48 * 1024 * 1024;
/** Where more changed, one file with all of it is less to fetch. */
const MOST_DOCUMENTS = 5000;
/** A list that lost more than a fifth of what is in force is taken for damaged. */
const MOST_GONE = 0.2;

/** How files of feeds are fetched, by the way that the settings say. */
export const feedFiles = ({ config, stopping }: Platform): FileFetcher =>
  new FileFetcher({
    proxy: { url: config.httpsProxy, except: config.noProxy },
    timeoutMs: TIMEOUT_MS,
    limit: LIMITS.packed,
    signal: stopping,
  });

export const failed = (url: string, status: number): Error => new Error(`${new URL(url).host} answered ${status}`);

interface Sync {
  platform: Platform;
  files: FileFetcher;
  actor: Actor;
  row: FeedRow;
  url: string;
  changes: Changes;
}

/**
 * Takes what changed since the last time, some documents a transaction, so that what was taken stays whatever breaks after
 * it. `whole`: too much did, or there is no list, and the whole file is to be taken.
 */
export async function syncChanges(sync: Sync): Promise<'done' | 'whole'> {
  const { platform, files, row, url, changes } = sync;
  const { isWholePublished } = changes;
  const listUrl = changes.list(url);
  if (listUrl === null || (isWholePublished && row.cursor === null)) return 'whole';
  const list = await files.get(listUrl, row.etag === null ? {} : { 'if-none-match': row.etag });
  if (list.status === 304) {
    await saveState(platform.db, row.name, okay(platform));
    return 'done';
  }
  if (list.status === 404 && isWholePublished) return 'whole';
  if (list.status !== 200) throw failed(listUrl, list.status);
  const all = changes.read(new TextDecoder().decode(list.bytes));
  const newest = all.reduce((most, { at }) => (at > most ? at : most), '');
  refuseOld(newest, row, platform.now());
  const due = changesSince(all, row.cursor);
  if (isWholePublished && due.length > MOST_DOCUMENTS) return 'whole';
  const gone = row.digest === null ? [] : await goneFrom(sync, all);
  await takeAll(sync, due);
  await finish(sync, gone, {
    ...okay(platform),
    etag: list.headers.get('etag'),
    feed_time: new Date(newest),
    digest: createHash('sha256').update(list.bytes).digest('hex'),
    cursor: rewound(newest),
  });
  return 'done';
}

const okay = ({ now }: Platform): { tried_at: Date; ok_at: Date; error: null } => ({
  tried_at: now(),
  ok_at: now(),
  error: null,
});

function refuseOld(newest: string, { feed_time: before }: FeedRow, now: Date): void {
  const time = new Date(newest);
  if (time.getTime() > now.getTime() + 24 * 3_600_000)
    throw new Error('its list of changes says that it is from the future');
  if (before !== null && time < before)
    throw new Error(`its list of changes is older (${newest}) than what is in force (${before.toISOString()})`);
}

/** Documents that are in force and no longer listed. */
async function goneFrom({ platform, row, changes }: Sync, all: readonly Change[]): Promise<string[]> {
  const listed = new Set(all.map(({ path }) => changes.name(path)));
  const known = await documentsOf(platform.db, row.name, (one) => changes.nameOf(one));
  const gone = [...known].filter((name) => !listed.has(name));
  if (gone.length > known.size * MOST_GONE)
    throw new Error(
      `its list of changes shrank: ${gone.length} of ${known.size} documents are gone, which is more than 20 %`,
    );
  return gone;
}

async function takeAll(sync: Sync, due: readonly Change[]): Promise<void> {
  for (let at = 0; at < due.length;) {
    sync.platform.stopping.throwIfAborted();
    const batch = await fetchBatch(sync, due, at);
    at += batch.length;
    const { content, skipped } = await readBatch(sync, batch);
    await takeBatch(sync, batch, content, skipped);
  }
}

interface Document {
  change: Change;
  /** null: listed, but no longer there */
  bytes: Uint8Array | null;
}

async function fetchBatch(sync: Sync, due: readonly Change[], from: number): Promise<Document[]> {
  const batch: Document[] = [];
  let size = 0;
  while (batch.length < BATCH && size < BATCH_BYTES) {
    const some = due.slice(from + batch.length, from + batch.length + AT_ONCE);
    if (some.length === 0) break;
    const documents = await Promise.all(some.map((change) => fetchDocument(sync, change)));
    for (const one of documents) size += one.bytes?.length ?? 0;
    batch.push(...documents);
  }
  return batch;
}

async function fetchDocument({ files, url, changes }: Sync, change: Change): Promise<Document> {
  const where = changes.document(url, change.path);
  const { status, bytes } = await files.get(where);
  if (status === 404) return { change, bytes: null };
  if (status !== 200) throw failed(where, status);
  if (changes.checksum) await checkSum(files, changes.checksum(where), bytes, change.path);
  return { change, bytes };
}

/** Mirrors may leave the checksum out; one that is there must be right. */
async function checkSum(files: FileFetcher, url: string, bytes: Uint8Array, name: string): Promise<void> {
  const told = await files.get(url);
  if (told.status === 404) return;
  if (told.status !== 200) throw failed(url, told.status);
  const [sum] = /^[0-9a-f]{64}\b/i.exec(new TextDecoder().decode(told.bytes).trim()) ?? [];
  if (sum?.toLowerCase() !== createHash('sha256').update(bytes).digest('hex'))
    throw new Error(`${name} does not have the checksum that is published beside it`);
}

const [OPEN, COMMA, CLOSE] = ['[', ',', ']'].map((text) => Buffer.from(text));

/** As one list. Where that is refused, one by one: a document that is none must not keep all others from being taken. */
async function readBatch(sync: Sync, batch: readonly Document[]): Promise<{ content: ReadFeed; skipped: string[] }> {
  const there = batch.filter((one) => one.bytes !== null);
  try {
    return { content: await read(sync, there), skipped: [] };
  } catch (error) {
    const [good, skipped]: [Document[], string[]] = [[], []];
    for (const one of there) {
      const why = await read(sync, [one]).then(
        () => null,
        (cause: Error) => cause.message,
      );
      if (why === null) good.push(one);
      else skipped.push(`${one.change.path}: ${why}`);
    }
    if (skipped.length > Math.max(1, there.length / 100)) throw error;
    return { content: await read(sync, good), skipped };
  }
}

function read({ platform, row }: Sync, documents: readonly Document[]): Promise<ReadFeed> {
  const parts = documents.flatMap(({ bytes }, index) => (index === 0 ? [bytes!] : [COMMA!, bytes!]));
  const list = Buffer.concat([OPEN!, ...parts, CLOSE!]);
  const asked = { kind: row.kind, settings: row.settings, now: platform.now().toISOString() };
  return readApart(asked, list, platform.stopping);
}

async function takeBatch(
  { platform, actor, row, changes }: Sync,
  batch: readonly Document[],
  content: ReadFeed,
  skipped: readonly string[],
): Promise<void> {
  const last = batch.at(-1)!.change;
  const failedNames = new Set(skipped.map((text) => changes.name(text.slice(0, text.indexOf(': ')))));
  // What could not be read stays as it was.
  const names = new Set(batch.map(({ change }) => changes.name(change.path)).filter((name) => !failedNames.has(name)));
  await platform.observe(actor, async (tx) => {
    if (!(await lockFeed(tx.db, row.name))) throw new Error('the feed was removed meanwhile');
    const how = { nameOf: changes.nameOf.bind(changes), all: content.statements, time: new Date(last.at) };
    await followFeed(tx, row.name, async () => {
      const { difference, keys } = await putDocuments(tx.db, row.name, names, how);
      const total = await countStatements(tx.db, row.name);
      await saveState(tx.db, row.name, { tried_at: tx.now, error: null, cursor: cursorOf(last), statements: total });
      if (isSomething(difference) || skipped.length > 0)
        await tx.record(taken(row.name, { documents: batch.length, changes: difference, skipped, until: last.at }));
      return { said: { keys, signals: false }, result: undefined };
    });
  });
}

const isSomething = ({ added, changed, removed }: Difference): boolean => added + changed + removed > 0;

const taken = (name: string, detail: object) => ({
  type: 'audit.feed.taken' as const,
  subject: { kind: 'feed' as const, id: name, name },
  detail: plainJson(detail),
});

async function finish(
  { platform, actor, row, changes }: Sync,
  gone: readonly string[],
  state: Parameters<typeof saveState>[2],
): Promise<void> {
  await platform.observe(actor, async (tx) => {
    if (!(await lockFeed(tx.db, row.name))) return;
    const how = { nameOf: changes.nameOf.bind(changes), all: [], time: state.feed_time ?? tx.now };
    await followFeed(tx, row.name, async () => {
      const { difference, keys } = await putDocuments(tx.db, row.name, new Set(gone), how);
      const statements = await countStatements(tx.db, row.name);
      const isFirst = (await feedRow(tx.db, row.name))?.digest === null;
      if (statements === 0) throw new Error('it says nothing at all');
      await saveState(tx.db, row.name, { ...state, statements, signals: 0 });
      if (isFirst || isSomething(difference))
        await tx.record(
          taken(row.name, { digest: state.digest, counts: { statements }, changes: difference, gone: gone.length }),
        );
      return { said: { keys, signals: false }, result: undefined };
    });
  });
}
