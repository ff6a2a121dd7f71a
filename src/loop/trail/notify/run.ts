import { systemActor } from '../../../model/actor.ts';
import type { Platform } from '../../../platform/context.ts';
import { readEntries } from '../entries.ts';
import { isDue, newsOf, noticeOf, type Placed, typesOf } from '../logic/notices.ts';
import { sendTo } from './notifiers.ts';
import {
  claimPending,
  markFailed,
  markSent,
  moveOn,
  notifierRow,
  type NotifierRow,
  notifierRows,
  treeSize,
} from './store.ts';

/** Entries read for one message; what is beyond becomes the next one. */
const MOST_ENTRIES = 5000;
/** Nobody else sends a message for so long after somebody began to; longer than a sending may take. */
const LEASE_MS = 3 * 60_000;
const LONGEST_PAUSE_MS = 3_600_000;

/** Makes and sends what is due. A notifier whose other side is away does not keep the others waiting. */
export async function notify(platform: Platform): Promise<void> {
  const rows = await notifierRows(platform.db);
  const size = rows.length > 0 ? await treeSize(platform.db) : 0;
  await Promise.all(rows.map((row) => notifyOne(platform, row, size)));
}

async function notifyOne(platform: Platform, row: NotifierRow, size: number): Promise<void> {
  if (row.pending === null && row.cursor < size) await gather(platform, row, size);
  const at = platform.now();
  const notice = await claimPending(platform.db, row.id, at, new Date(at.getTime() + LEASE_MS));
  if (!notice) return;
  const error = await sendTo(platform, row, notice);
  const actor = systemActor('trail.notify');
  const subject = { kind: 'notifier' as const, id: row.id, name: row.name };
  if (error === null) {
    const detail = { notice: notice.id, counts: notice.counts, from: notice.from, until: notice.until };
    await platform.observe(actor, async (tx) => {
      // Removed meanwhile, or marked by whoever sent it too: then it is on the trail already.
      if (!(await markSent(tx.db, row.id, notice.id, tx.now))) return;
      await tx.record({ type: 'trail.notice.sent', subject, detail });
    });
    return;
  }
  const tried = (await notifierRow(platform.db, row.id))?.attempts ?? 1;
  const pause = Math.min(60_000 * 2 ** (tried - 1), LONGEST_PAUSE_MS);
  await platform.observe(actor, async (tx) => {
    await markFailed(tx.db, row.id, error, new Date(tx.now.getTime() + pause));
    // Said once, not at each try.
    if (row.last_error === null) await tx.record({ type: 'trail.notifier.failed', subject, reason: error });
  });
}

/** Makes one message of everything that is news since the last one, when it is due. */
async function gather(platform: Platform, row: NotifierRow, size: number): Promise<void> {
  const types = typesOf(row.topics);
  const found = await readEntries(platform.db, {
    types,
    after: row.cursor - 1,
    order: 'oldest',
    limit: MOST_ENTRIES,
  });
  const placed = found.flatMap(({ index, entry }): Placed[] => (index === null ? [] : [{ index, entry }]));
  const until = placed.length === MOST_ENTRIES ? placed.at(-1)!.index + 1 : size;
  const news = newsOf(
    placed.filter(({ index }) => index < until),
    row.topics,
  );
  if (news.length === 0) return moveOn(platform.db, row, until, null);
  if (placed.length < MOST_ENTRIES && !isDue(news, row.gather, platform.now())) return;
  const { publicUrl } = platform.config;
  const page = row.topics.length === 1 && row.topics[0] === 'unknown-host' ? '/unknown' : '/';
  const url = publicUrl ? `${publicUrl}${page}` : null;
  const span = { from: row.cursor, until };
  const notice = noticeOf(platform.newId('notice'), news, span, platform.now(), url);
  await moveOn(platform.db, row, until, notice);
}
