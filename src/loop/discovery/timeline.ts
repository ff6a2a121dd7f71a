import type { Claim } from '../../model/estate.ts';
import { AppError } from '../../model/errors/index.ts';
import { MomentKind, type Timeline } from '../../model/timeline.ts';
import type { Platform } from '../../platform/context.ts';
import { countMoments, findMoments, type MomentRow } from './store-timeline.ts';

const WEEK_MS = 7 * 86_400_000;

export interface TimelineQuery {
  since?: string | undefined;
  until?: string | undefined;
  kinds?: readonly MomentKind[] | undefined;
  hostId?: string | undefined;
  claim?: Claim | undefined;
  /** where the page before ended */
  before?: string | undefined;
  limit: number;
}

/** What appeared, went, came back and changed its identity; the last week where nothing else is asked. */
export async function timeline(platform: Platform, query: TimelineQuery): Promise<Timeline> {
  const until = query.until ? new Date(query.until) : new Date(platform.now().getTime() + 60_000);
  const filter = {
    since: query.since ? new Date(query.since) : new Date(until.getTime() - WEEK_MS),
    until,
    kinds: query.kinds?.length ? query.kinds : MomentKind.options,
    hostId: query.hostId ?? null,
    claim: query.claim ?? null,
  };
  const before = query.before === undefined ? null : placeOf(query.before);
  const [rows, counts] = await Promise.all([
    findMoments(platform.db, filter, before, query.limit + 1),
    countMoments(platform.db, filter),
  ]);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const days = [...Map.groupBy(counts, ({ day }) => day)].map(([day, some]) => ({
    day,
    counts: Object.fromEntries(some.map(({ kind, n }) => [kind, n])),
  }));
  return {
    items: shown.map(toMoment),
    days,
    next: rows.length > query.limit && last ? `${last.at.toISOString()}/${last.key}` : null,
  };
}

function placeOf(text: string): { at: Date; key: string } {
  const [at = '', key = ''] = text.split('/');
  const date = new Date(at);
  if (Number.isNaN(date.getTime()) || key === '')
    throw new AppError('NOT_FOUND', { what: 'place', id: text, list: 'timeline' });
  return { at: date, key };
}

function toMoment({
  at,
  kind,
  host_id: id,
  name,
  claim,
  address,
  port,
  transport,
  service,
  why,
}: MomentRow): Timeline['items'][0] {
  return { at: at.toISOString(), kind, host: { id, name, claim }, address, port, transport, service, why };
}
