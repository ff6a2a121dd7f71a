import { type Actor, systemActor } from '../../model/actor.ts';
import type { SourceCounts } from '../../model/source.ts';
import { oneLine } from '../../model/text.ts';
import type { Reading } from '../../platform/apart/index.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { mayPass } from '../../platform/db/errors.ts';
import { usableRecord } from './logic/source-records.ts';
import { type LiveScopes, withGuard, withScopes } from './live-scopes.ts';
import type { Buckets } from './scopes.ts';
import { pushedFile } from './push-source.ts';
import { takeRecords } from './source-records.ts';
import type { Asking, SourceMember, SourceRecord } from './sources/contract.ts';
import { sourceHttp } from './sources/http.ts';
import { countIn } from './sources/read.ts';
import { readApart, READING } from './sources/reader.ts';
import { Names } from './sources/resolve.ts';
import { SOURCES } from './sources/registry.ts';
import { putUnplaced, type Unplaced } from './store-unplaced.ts';
import { beat, beginRun, deletePush, endRun, leaveRun, sourceRow, type SourceRow } from './store-sources.ts';

const LONGEST_RUN_MS = 30 * 60_000;
const BATCH = 1000;
const MOST_UNPLACED = 20_000;

interface Run {
  platform: Platform;
  actor: Actor;
  row: SourceRow;
  member: SourceMember;
  counts: SourceCounts;
  skipped: Map<string, number>;
  /** what this run has told of so far, as `inventory-id` */
  told: Set<string>;
  names: Names;
  /** machines that it tells of without an address */
  unplaced: Unplaced[];
  /** secrets that no error may show */
  hide: string[];
  signal: AbortSignal;
}

/**
 * Asks a source, or reads the file that was handed over to it, and takes what it tells. A failure is kept beside the
 * source, and what it told before stays.
 */
export async function runSource(
  platform: Platform,
  buckets: Buckets,
  sourceId: string,
  reading: Reading = READING,
): Promise<void> {
  const row = await beginOne(platform, sourceId);
  if (!row) return;
  const run = newRun(platform, row);
  try {
    if (run.member.how === 'pushed') await readInto(run, await pushedRecords(run, reading));
    else
      await withScopes(platform, (scopes) => readInto(run, askedRecords(run, lookThrough(platform, scopes, buckets))));
  } catch (error) {
    // Who is stopped, or cannot write just now, has not failed: the job runs again, and reads it from the beginning.
    if (platform.stopping.aborted || (row.push_secret_id !== null && mayPass(error))) {
      await leaveRun(platform.db, row.id);
      throw error;
    }
    await failed(run, error);
    if (!(error instanceof Error)) throw error;
  }
}

/** Null: it was removed meanwhile, nothing waits to be read, or somebody else is at it. */
async function beginOne(platform: Platform, id: string): Promise<SourceRow | null> {
  const isDue = (row: SourceRow | undefined): row is SourceRow =>
    row !== undefined && (SOURCES[row.kind].how === 'asked' || row.push_secret_id !== null);
  if (!isDue(await sourceRow(platform.db, id)) || !(await beginRun(platform.db, id, platform.now()))) return null;
  // Somebody may have read that file just before we began.
  const row = await sourceRow(platform.db, id);
  if (isDue(row)) return row;
  await leaveRun(platform.db, id);
  return null;
}

/** All of the file, before anything of it is taken: a bad one changes nothing. */
async function pushedRecords(run: Run, reading: Reading): Promise<SourceRecord[]> {
  const { platform, row } = run;
  const asked = { kind: row.kind, settings: withDefaults(run), now: platform.now().toISOString() };
  const { records, skipped } = await readApart(asked, await pushedFile(platform, row), platform.stopping, reading);
  for (const [why, times] of skipped) countIn(run.skipped, why, times);
  return records;
}

function newRun(platform: Platform, row: SourceRow): Run {
  const signal = AbortSignal.any([AbortSignal.timeout(LONGEST_RUN_MS), platform.stopping]);
  return {
    platform,
    actor: row.push_actor ?? systemActor(`source ${row.name}`),
    row,
    member: SOURCES[row.kind],
    counts: { records: 0, addresses: 0, newHosts: 0, claimed: 0, skipped: [] },
    skipped: new Map(),
    told: new Set(),
    names: new Names(signal),
    unplaced: [],
    hide: [],
    signal,
  };
}

const skipIn =
  ({ skipped }: Run) =>
  (why: string): void =>
    countIn(skipped, why);

function withDefaults({ member, row }: Run): Record<string, string> {
  const defaults = member.fields.flatMap((field) => (field.default === undefined ? [] : [[field.name, field.default]]));
  return { ...(Object.fromEntries(defaults) as Record<string, string>), ...row.settings };
}

/** As a scan looks: what no scope covers, or has its quiet hours, is left alone. */
const lookThrough =
  (platform: Platform, scopes: LiveScopes, buckets: Buckets): Asking['look'] =>
  async (address, use) => {
    const dark = scopes.darkAt(address, platform.now());
    if (dark) throw new Error(`${dark.scope} has a blackout until ${dark.until.toISOString()}`);
    return withGuard(scopes, buckets, address, use);
  };

async function* askedRecords(run: Run, look: Asking['look']): AsyncGenerator<SourceRecord> {
  const { platform, row, member } = run;
  if (member.how !== 'asked') return;
  const settings = withDefaults(run);
  const { signal } = run;
  const http = sourceHttp({ ca: settings['ca'], socketPath: settings['socket'], signal });
  const asking: Omit<Asking, 'secrets'> = { settings, http, now: platform.now(), signal, look, skip: skipIn(run) };
  const secrets =
    row.secret_id === null ? {} : await platform.vault.use(row.secret_id, async (text) => JSON.parse(text));
  run.hide = Object.values(secrets as Record<string, string>).flatMap((value) => [value, value.trim()]);
  yield* member.read({ ...asking, secrets });
}

async function readInto(run: Run, records: AsyncIterable<SourceRecord> | Iterable<SourceRecord>): Promise<void> {
  let batch: SourceRecord[] = [];
  for await (const record of records) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    await take(run, batch);
    batch = [];
  }
  await take(run, batch);
  await finished(run);
}

async function take(run: Run, batch: readonly SourceRecord[]): Promise<void> {
  run.signal.throwIfAborted();
  await beat(run.platform.db, run.row.id, run.platform.now());
  const resolved = await run.names.resolve(batch);
  const usable = resolved.map(usableRecord).filter((record) => {
    if (record.addresses.length > 0) return true;
    skipIn(run)(record.resolve ? 'name that does not resolve' : 'machine without an address that others can reach');
    if (run.member.isProof && run.unplaced.length < MOST_UNPLACED) run.unplaced.push(record);
    return false;
  });
  run.counts.records += usable.length;
  const { row, member, platform, actor, counts } = run;
  for (const one of await takeRecords(
    platform,
    actor,
    { row, of: member.of, isList: member.isList, told: run.told },
    usable,
  )) {
    counts.addresses += one.addresses;
    counts.newHosts += one.newHosts;
    counts.claimed += one.claimed;
  }
}

/** On the trail where it told something new, or works again after it had failed. */
async function finished(run: Run): Promise<void> {
  const { platform, actor, row, counts, skipped } = run;
  counts.skipped = [...skipped].map(([why, count]) => ({ why, count }));
  const isNews = counts.newHosts + counts.claimed > 0 || row.last_error !== null || row.last_ok_at === null;
  await platform.observe(actor, async (tx) => {
    await endRun(tx.db, row.id, { at: tx.now, counts });
    await putUnplaced(tx.db, row.id, run.unplaced, tx.now);
    await dropFile(tx, run);
    const subject = { kind: 'source' as const, id: row.id, name: row.name };
    if (isNews) await tx.record({ type: 'discovery.source.read', subject, detail: { kind: row.kind, ...counts } });
    await tx.publish('hosts', { sourceId: row.id });
  });
}

/** Read or refused, it is not kept. */
async function dropFile(tx: Tx, { platform, row }: Run): Promise<void> {
  if (row.push_secret_id === null) return;
  await deletePush(tx.db, row.id);
  await platform.vault.remove(tx, row.push_secret_id);
}

/** On the trail when it begins to fail, not at each try. */
async function failed(run: Run, error: unknown): Promise<void> {
  const { platform, actor, row } = run;
  const why = reasonOf(run, error);
  await platform.observe(actor, async (tx) => {
    await endRun(tx.db, row.id, { error: why });
    await dropFile(tx, run);
    const subject = { kind: 'source' as const, id: row.id, name: row.name };
    if (row.last_error === null)
      await tx.record({ type: 'discovery.source.failed', subject, detail: { kind: row.kind, why } });
    await tx.publish('hosts', { sourceId: row.id });
  });
  platform.log.warn({ source: row.name, kind: row.kind, why }, 'a source could not be read');
}

function reasonOf({ hide }: Run, error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const text = error instanceof Error && error.name === 'ZodError' ? 'it answered in a form that is not known' : said;
  // What a library says of a header or a URL may hold what was in it.
  const shown = hide.reduce((all, value) => (value.length > 3 ? all.replaceAll(value, '…') : all), text);
  return oneLine(shown, 500).replace(/\.$/, '');
}
