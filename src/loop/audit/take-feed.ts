import { type Actor, systemActor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Feed, FeedInput } from '../../model/feed.ts';
import type { FileFetcher } from '../../platform/http/fetch-file.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { jsonText } from '../../platform/db/json-text.ts';
import { urlProblem } from '../../platform/http/outgoing.ts';
import { rewound } from './feeds/changes.ts';
import type { ReadFeed } from './feeds/read.ts';
import { readApart, type Reading } from './feeds/reader.ts';
import { FEEDS } from './feeds/registry.ts';
import { followFeed, type Said } from './follow-feed.ts';
import { refusal } from './logic/advisories/accept.ts';
import {
  feedRow,
  type FeedRow,
  feedRows,
  lockFeed,
  putSignals,
  putStatements,
  saveState,
  statementKeys,
  toFeed,
} from './store-feeds.ts';
import { plainJson, q } from './tables.ts';
import { failed, feedFiles, syncChanges } from './take-changes.ts';

const EVERY_MS = 6 * 3_600_000;
const subjectOf = (name: string) => ({ kind: 'feed' as const, id: name, name });

export async function mustFindFeed(platform: Platform, name: string): Promise<FeedRow> {
  const row = await feedRow(platform.db, name);
  if (!row) throw new AppError('NOT_FOUND', { what: 'feed', id: name, list: 'feed list' });
  return row;
}

export async function addFeed(platform: Platform, actor: Actor, input: FeedInput): Promise<Feed> {
  const { name, kind, settings } = input;
  const { info, url: published } = FEEDS[kind];
  const invalid = (why: string): AppError => new AppError('FEED_INVALID', { name, kind, why });
  const missing = Object.keys(info.needs).find((need) => !settings[need]);
  if (missing !== undefined) throw invalid(`"${missing}" is missing (${info.needs[missing]})`);
  const unknown = Object.keys(settings).find((one) => !Object.hasOwn(info.needs, one));
  if (unknown !== undefined) throw invalid(`it knows no "${unknown}"`);
  const url = input.url === undefined ? published(settings) : input.url;
  const problem = url === null ? null : urlProblem(url);
  if (problem !== null) throw invalid(problem);
  await platform.act(
    actor,
    { type: 'audit.feed.added', subject: subjectOf(name), detail: { kind, url, settings } },
    async (tx) => {
      const row = { name, kind, url, settings: jsonText(settings), created_at: tx.now, created_by: actor.name };
      const done = await q(tx.db)
        .insertInto('audit.feed')
        .values(row)
        .onConflict((c) => c.column('name').doNothing())
        .executeTakeFirst();
      if ((done.numInsertedOrUpdatedRows ?? 0n) === 0n) throw new AppError('FEED_EXISTS', { name });
      if (url !== null) await tx.enqueue('audit.feed', { feed: name }, { singletonKey: name });
    },
  );
  return toFeed(await mustFindFeed(platform, name));
}

/** What it said goes with it. */
export async function removeFeed(platform: Platform, actor: Actor, name: string): Promise<void> {
  const { kind } = await mustFindFeed(platform, name);
  await platform.act(actor, { type: 'audit.feed.removed', subject: subjectOf(name), detail: { kind } }, async (tx) => {
    await lockFeed(tx.db, name);
    await followFeed(tx, name, async () => {
      const said = { keys: await statementKeys(tx.db, name), signals: kind === 'kev' || kind === 'epss' };
      await q(tx.db).deleteFrom('audit.feed').where('name', '=', name).execute();
      return { said, result: undefined };
    });
  });
}

interface Came {
  bytes: Uint8Array;
  /** when the feed does not say itself when it was made */
  time: Date | null;
  etag: string | null;
  /** from where its list of changes is, too */
  isFetched?: true;
  shrunk?: boolean;
  reading?: Reading;
}

/** Takes a file that somebody handed over. A bad one changes nothing. */
export async function importFeed(
  platform: Platform,
  actor: Actor,
  name: string,
  file: { bytes: Uint8Array; shrunk: boolean; reading?: Reading },
): Promise<Feed> {
  await mustFindFeed(platform, name);
  const why = await take(platform, actor, name, { ...file, time: null, etag: null });
  if (why !== null) throw new AppError('FEED_REFUSED', { name, why });
  return toFeed(await mustFindFeed(platform, name));
}

/** Fetches it where it changed. What goes wrong is kept beside the feed, and what is in force stays. */
export async function syncFeed(platform: Platform, name: string): Promise<void> {
  const row = await feedRow(platform.db, name);
  if (!row || row.url === null) return;
  const actor = systemActor(`feed ${name}`);
  const files = feedFiles(platform);
  try {
    const { changes } = FEEDS[row.kind];
    if (changes && (await syncChanges({ platform, files, actor, row, url: row.url, changes })) === 'done') return;
    const came = await fetched(files, row, row.url);
    if (came === null) await platform.observe(actor, (tx) => stillInForce(tx, name));
    else await take(platform, actor, name, came);
  } catch (error) {
    // Who is stopped has not been refused: the job runs again, and goes on where it stopped.
    if (!(error instanceof Error) || platform.stopping.aborted) throw error;
    await refused(platform, actor, name, error.message);
  } finally {
    await files.close();
  }
}

export async function syncDue(platform: Platform): Promise<void> {
  const now = platform.now().getTime();
  for (const { name, url, tried_at: at } of await feedRows(platform.db)) {
    if (url !== null && (at === null || now - at.getTime() >= EVERY_MS))
      await platform.queue.enqueue('audit.feed', { feed: name }, { singletonKey: name });
  }
}

/** A feed that does not say when it was made is as new as its last answer. */
async function stillInForce(tx: Tx, name: string): Promise<void> {
  if (!(await lockFeed(tx.db, name))) return;
  await followFeed(tx, name, async () => {
    await saveState(tx.db, name, ok(tx.now));
    return { said: { keys: [], signals: false }, result: undefined };
  });
}

const ok = (now: Date) => ({ tried_at: now, ok_at: now, error: null });

/** null: it is the same as the last time. */
async function fetched(files: FileFetcher, row: FeedRow, url: string): Promise<Came | null> {
  const answer = await files.get(url, row.etag === null ? {} : { 'if-none-match': row.etag });
  if (answer.status === 304) return null;
  if (answer.status !== 200) throw failed(url, answer.status);
  const modified = Date.parse(answer.headers.get('last-modified') ?? '');
  return {
    bytes: answer.bytes,
    etag: answer.headers.get('etag'),
    time: Number.isNaN(modified) ? null : new Date(modified),
    isFetched: true,
  };
}

/** Returns why it was refused, or null. */
async function take(platform: Platform, actor: Actor, name: string, came: Came): Promise<string | null> {
  const row = await mustFindFeed(platform, name);
  let content: ReadFeed;
  try {
    const asked = { kind: row.kind, settings: row.settings, now: platform.now().toISOString() };
    content = await readApart(asked, came.bytes, platform.stopping, came.reading);
  } catch (error) {
    if (!(error instanceof Error) || platform.stopping.aborted) throw error;
    return refused(platform, actor, name, error.message);
  }
  const why = await platform.observe(actor, async (tx) => {
    const locked = await lockFeed(tx.db, name);
    if (!locked) return null;
    const { digest, skipped, statements, signals } = content;
    const counts = { statements: statements.length, signals: signals.length };
    const time = content.time === null ? came.time : new Date(content.time);
    const before = {
      counts: { statements: locked.statements ?? 0, signals: locked.signals ?? 0 },
      time: locked.feed_time,
    };
    const reason = refusal({ counts, time }, locked.digest === null ? null : before, {
      shrunk: came.shrunk ?? false,
      clock: tx.now,
    });
    if (reason !== null) return reason;
    const at = time ?? tx.now;
    return followFeed(tx, name, async () => {
      const said: Said = { keys: [], signals: false };
      if (digest !== locked.digest) {
        const put = await putStatements(tx.db, name, statements, at);
        const changes = { statements: put.difference, signals: await putSignals(tx.db, name, signals) };
        said.keys = put.keys;
        said.signals = Object.values(changes.signals).some((count) => count > 0);
        const detail = plainJson({ digest, feedTime: at.toISOString(), counts, changes, skipped });
        await tx.record({ type: 'audit.feed.taken', subject: subjectOf(name), detail });
      }
      const cursor = came.isFetched && time !== null ? rewound(time.toISOString()) : null;
      await saveState(tx.db, name, { ...ok(tx.now), etag: came.etag, feed_time: time, digest, cursor, ...counts });
      return { said, result: null };
    });
  });
  return why === null ? null : refused(platform, actor, name, why);
}

/** On the trail once for each reason, however often it is tried. */
async function refused(platform: Platform, actor: Actor, name: string, why: string): Promise<string> {
  await platform.observe(actor, async (tx) => {
    const row = await lockFeed(tx.db, name);
    if (!row) return;
    await saveState(tx.db, name, { tried_at: tx.now, error: why });
    if (row.error !== why) await tx.record({ type: 'audit.feed.refused', subject: subjectOf(name), detail: { why } });
  });
  return why;
}
