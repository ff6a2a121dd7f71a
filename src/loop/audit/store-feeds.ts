import { sql } from 'kysely';
import type { Feed } from '../../model/feed.ts';
import type { Statement } from '../../model/statement.ts';
import type { DbOrTx } from '../../platform/context.ts';
import { anyOf, chunks } from '../../platform/db/many.ts';
import type { SignalRow, StatementRow } from './feeds/read.ts';
import { FEEDS } from './feeds/registry.ts';
import type { FeedStatement } from './logic/advisories/match.ts';
import { q } from './tables.ts';

const selectFeeds = (db: DbOrTx) =>
  q(db)
    .selectFrom('audit.feed as f')
    .leftJoin('audit.feed_state as s', 's.feed', 'f.name')
    .select(['f.name', 'f.kind', 'f.url', 'f.settings'])
    .select([
      's.tried_at',
      's.ok_at',
      's.error',
      's.etag',
      's.feed_time',
      's.digest',
      's.cursor',
      's.statements',
      's.signals',
    ])
    .orderBy('f.name');
export type FeedRow = Awaited<ReturnType<ReturnType<typeof selectFeeds>['execute']>>[number];

export const feedRows = (db: DbOrTx): Promise<FeedRow[]> => selectFeeds(db).execute();

export const feedRow = (db: DbOrTx, name: string): Promise<FeedRow | undefined> =>
  selectFeeds(db).where('f.name', '=', name).executeTakeFirst();

/** One import of a feed at a time. */
export async function lockFeed(db: DbOrTx, name: string): Promise<FeedRow | undefined> {
  await sql`select from audit.feed where name = ${name} for update`.execute(db);
  return feedRow(db, name);
}

export const toFeed = (row: FeedRow): Feed => ({
  name: row.name,
  kind: row.kind,
  url: row.url,
  settings: row.settings,
  counts: row.digest === null ? null : { statements: row.statements ?? 0, signals: row.signals ?? 0 },
  feedTime: row.feed_time?.toISOString() ?? null,
  digest: row.digest,
  lastTriedAt: row.tried_at?.toISOString() ?? null,
  lastOkAt: row.ok_at?.toISOString() ?? null,
  lastError: row.error,
  covers: FEEDS[row.kind].info.covers,
});

interface State {
  tried_at: Date;
  ok_at?: Date;
  error: string | null;
  etag?: string | null;
  /** null: it does not say when it was made, so that nothing is older */
  feed_time?: Date | null;
  digest?: string;
  /** null: as a whole next */
  cursor?: string | null;
  statements?: number;
  signals?: number;
}

/** What is not given stays. */
export async function saveState(db: DbOrTx, feed: string, state: State): Promise<void> {
  await q(db)
    .insertInto('audit.feed_state')
    .values({ ok_at: null, etag: null, feed_time: null, digest: null, cursor: null, ...state, feed })
    .onConflict((c) => c.column('feed').doUpdateSet(state))
    .execute();
}

/** What the document is called that a statement came from. */
type NameOf = (statement: Pick<Statement, 'id' | 'aliases'>) => string;

export interface Difference {
  added: number;
  changed: number;
  removed: number;
}

/** `keys`: of everything that differs */
export interface Put {
  difference: Difference;
  keys: string[];
}

/** Writes what differs, and keeps what was said before. */
export async function putStatements(db: DbOrTx, feed: string, all: readonly StatementRow[], time: Date): Promise<Put> {
  const rows = await q(db).selectFrom('audit.statement').select(['key', 'digest']).where('feed', '=', feed).execute();
  return putInPlace(db, feed, { before: rows, all, time });
}

/** The same for some of its documents, `names`; what came from others stays. */
export async function putDocuments(
  db: DbOrTx,
  feed: string,
  names: ReadonlySet<string>,
  { nameOf, all, time }: { nameOf: NameOf; all: readonly StatementRow[]; time: Date },
): Promise<Put> {
  const rows = await q(db)
    .selectFrom('audit.statement')
    .select(['key', 'digest', 'body'])
    .where('feed', '=', feed)
    .where(sql<boolean>`ids && ${[...names]}::text[]`)
    .execute();
  const before = rows.filter(({ body }) => names.has(nameOf(body)));
  return putInPlace(db, feed, { before, all, time });
}

/** What the documents that it says something by are called. */
export async function documentsOf(db: DbOrTx, feed: string, nameOf: NameOf): Promise<Set<string>> {
  const { rows } = await sql<{ id: string; alias: string | null }>`
    select distinct body ->> 'id' as id, body -> 'aliases' ->> 0 as alias from audit.statement where feed = ${feed}`.execute(
    db,
  );
  return new Set(rows.map(({ id, alias }) => nameOf({ id, aliases: alias === null ? [] : [alias] })));
}

export async function countStatements(db: DbOrTx, feed: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from audit.statement where feed = ${feed}`.execute(db);
  return rows[0]!.n;
}

async function putInPlace(
  db: DbOrTx,
  feed: string,
  what: { before: readonly { key: string; digest: string }[]; all: readonly StatementRow[]; time: Date },
): Promise<Put> {
  const { all, time } = what;
  const before = new Map(what.before.map((row) => [row.key, row.digest]));
  const now = new Set(all.map(({ key }) => key));
  const gone = what.before.flatMap(({ key }) => (now.has(key) ? [] : [key]));
  const news = all.filter(({ key, digest }) => before.get(key) !== digest);
  const changed = news.filter(({ key }) => before.has(key)).map(({ key }) => key);
  await sql`insert into audit.statement_history (feed, key, body, feed_time, until)
    select feed, key, body, feed_time, ${time} from audit.statement
    where feed = ${feed} and key = ${anyOf([...gone, ...changed])}`.execute(db);
  await sql`delete from audit.statement where feed = ${feed} and key = ${anyOf([...gone, ...changed])}`.execute(db);
  for (const some of chunks(news)) {
    const values = some.map((row) => ({ ...row, feed, feed_time: time }));
    await q(db).insertInto('audit.statement').values(values).execute();
  }
  return {
    difference: { added: news.length - changed.length, changed: changed.length, removed: gone.length },
    keys: [...gone, ...news.map(({ key }) => key)],
  };
}

export async function statementKeys(db: DbOrTx, feed: string): Promise<string[]> {
  return (await q(db).selectFrom('audit.statement').select('key').where('feed', '=', feed).execute()).map(
    (row) => row.key,
  );
}

export async function putSignals(db: DbOrTx, feed: string, all: readonly SignalRow[]): Promise<Difference> {
  const rows = await q(db).selectFrom('audit.signal').select(['cve', 'digest']).where('feed', '=', feed).execute();
  const before = new Map(rows.map((row) => [row.cve, row.digest]));
  const now = new Set(all.map(({ cve }) => cve));
  const gone = rows.flatMap(({ cve }) => (now.has(cve) ? [] : [cve]));
  const news = all.filter(({ cve, digest }) => before.get(cve) !== digest);
  const changed = news.filter(({ cve }) => before.has(cve)).map(({ cve }) => cve);
  await sql`delete from audit.signal where feed = ${feed} and cve = ${anyOf([...gone, ...changed])}`.execute(db);
  for (const some of chunks(news)) {
    const values = some.map((row) => ({ ...row, feed }));
    await q(db).insertInto('audit.signal').values(values).execute();
  }
  return { added: news.length - changed.length, changed: changed.length, removed: gone.length };
}

const saidStatements = (db: DbOrTx) =>
  q(db)
    .selectFrom('audit.statement as s')
    .innerJoin('audit.feed as f', 'f.name', 's.feed')
    .leftJoin('audit.feed_state as t', 't.feed', 'f.name')
    .select(['s.feed', 's.body', 's.feed_time', 'f.kind', 't.feed_time as of_feed', 't.ok_at'])
    .orderBy('s.feed')
    .orderBy('s.key');
type SaidRow = Awaited<ReturnType<ReturnType<typeof saidStatements>['execute']>>[number];

const toStatement = ({ feed, body, kind, ...row }: SaidRow): FeedStatement => ({
  ...body,
  feed,
  own: FEEDS[kind].info.ownOf === body.ecosystem,
  time: (row.of_feed ?? row.ok_at ?? row.feed_time).getTime(),
});

/** What all feeds say under that name of an advisory. */
export async function statementsNaming(db: DbOrTx, advisory: string): Promise<FeedStatement[]> {
  const rows = await saidStatements(db)
    .where(sql<boolean>`s.ids @> array[${advisory}]::text[]`)
    .execute();
  return rows.map(toStatement);
}

/** What all feeds say of packages by these names. */
export async function statementsCalled(
  db: DbOrTx,
  names: readonly { ecosystem: string; called: string }[],
): Promise<FeedStatement[]> {
  const asked = sql`unnest(${names.map((one) => one.called)}::text[], ${names.map((one) => one.ecosystem)}::text[])`;
  const rows = await saidStatements(db)
    .where(sql<boolean>`(s.called, s.ecosystem) in (select n, e from ${asked} as k (n, e))`)
    .execute();
  return rows.map(toStatement);
}

interface Kind {
  ecosystem: string;
  release: string | null;
}

/**
 * Those kinds of systems of which these feeds say anything at all, or something that holds for every release. Of a release
 * whose time is over they may say it of its ELS alone (decision 0100).
 */
export async function releasesSpokenOf(db: DbOrTx, feeds: readonly string[], kinds: readonly Kind[]): Promise<Kind[]> {
  const asked = [...new Map(kinds.map((kind) => [JSON.stringify(kind), kind])).keys()];
  const { rows } = await sql<Kind>`
    select k.ecosystem, k.release from jsonb_to_recordset(${`[${asked.join()}]`}::jsonb) as k (ecosystem text, release text)
    where exists (select from audit.statement s where s.feed = ${anyOf(feeds)} and s.ecosystem = k.ecosystem
      and (s.body ->> 'release' in (k.release, k.release || '-els') or s.body ->> 'release' is null))`.execute(db);
  return rows;
}

/** What was said of a package and an advisory earlier, oldest first. */
export async function historyOf(
  db: DbOrTx,
  feed: string,
  key: string,
): Promise<{ body: Statement; feedTime: Date; until: Date }[]> {
  const rows = await q(db)
    .selectFrom('audit.statement_history')
    .selectAll()
    .where('feed', '=', feed)
    .where('key', '=', key)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ body: row.body, feedTime: row.feed_time, until: row.until }));
}
