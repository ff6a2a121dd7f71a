import { Cron } from 'croner';
import { AppError } from '../../../model/errors/index.ts';
import type { Interval } from '../../../scan/logic/address.ts';
import { overlap } from '../../../scan/logic/targets.ts';

/** When nothing is scanned: days, from and to as people there see the clock, and where "there" is. */
export interface Blackout {
  /** of the day it begins on; 0 is Sunday */
  days: ReadonlySet<number>;
  /** minutes since midnight; where `to` is not after `from`, it ends on the next day */
  from: number;
  to: number;
  zone: string;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const DAY_MINUTES = 24 * 60;
/** What has not ended by then never does: every week is like the next, but for summer time. */
const NEVER_MS = 9 * 24 * 3600_000;

/** Reads `mon-fri 08:00-18:00 Europe/Berlin`, `daily 22:00-06:00`, `sat,sun 00:00-24:00`; without a zone, UTC. */
export function parseBlackout(text: string): Blackout {
  const [days = '', hours = '', zone = 'UTC', ...rest] = text.trim().split(/\s+/);
  const times = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(hours);
  if (!times || rest.length > 0) throw invalid(text, 'after the days comes a span of hours such as 08:00-18:00');
  const [fromHour, fromMinute, toHour, toMinute] = times.slice(1).map(Number) as [number, number, number, number];
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  if (fromMinute > 59 || toMinute > 59 || from >= DAY_MINUTES || to > DAY_MINUTES)
    throw invalid(text, 'hours go from 00:00 to 24:00');
  if (from === to) throw invalid(text, 'it ends when it begins; a whole day is 00:00-24:00');
  if (!isZone(zone)) throw invalid(text, `there is no time zone "${zone}"`);
  return { days: daysOf(text, days.toLowerCase()), from, to, zone };
}

const invalid = (blackout: string, why: string): AppError => new AppError('BLACKOUT_INVALID', { blackout, why });

function isZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

function daysOf(text: string, words: string): Set<number> {
  if (words === 'daily') return new Set(DAYS.keys());
  const days = new Set<number>();
  for (const word of words.split(',')) {
    const [first, last] = word.split('-').map((day) => DAYS.indexOf(day));
    if (first === undefined || first < 0 || (last !== undefined && last < 0) || word.split('-').length > 2)
      throw invalid(text, `"${word}" is no day; say daily, mon-fri or sat,sun`);
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === (last ?? first)) break;
    }
  }
  return days;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
    });
    clocks.set(zone, clock);
  }
  return clock;
}

export function isBlackout({ days, from, to, zone }: Blackout, at: Date): boolean {
  const parts = new Map(
    clockOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const day = DAYS.indexOf(parts.get('weekday')!.toLowerCase());
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  if (from < to) return days.has(day) && from <= minute && minute < to;
  return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to);
}

/** When all of them are over, from `at` on; `at` itself when none is on, null when one is always on. */
export function endOfBlackouts(blackouts: readonly Blackout[], at: Date): Date | null {
  let now = at;
  for (;;) {
    const on = blackouts.filter((one) => isBlackout(one, now));
    if (on.length === 0) return now;
    const ends = on.map((one) =>
      clockTime(one, one.to % DAY_MINUTES, '*')
        .nextRun(now)!
        .getTime(),
    );
    now = new Date(Math.min(...ends));
    if (now.getTime() - at.getTime() > NEVER_MS) return null;
  }
}

/** When the next one begins after `at`; null: there is none. */
export function nextBlackout(blackouts: readonly Blackout[], at: Date): Date | null {
  const begins = blackouts.map((one) =>
    clockTime(one, one.from, [...one.days].join(','))
      .nextRun(at)!
      .getTime(),
  );
  return begins.length > 0 ? new Date(Math.min(...begins)) : null;
}

const clockTime = ({ zone }: Blackout, minute: number, days: string): Cron =>
  new Cron(`${minute % 60} ${Math.floor(minute / 60)} * * ${days}`, { paused: true, timezone: zone });

export interface Dark {
  /** whose blackout it is */
  scope: string;
  until: Date;
}

/** A scope whose hours hold for what is to be scanned. */
export interface Resting {
  name: string;
  blackouts: readonly Blackout[];
}

interface Covering {
  name: string;
  targets: readonly Interval[];
  blackouts: readonly string[];
}

/** A scope's hours hold for its addresses, whoever scans them. */
export function restingOver(scopes: readonly Covering[], intervals: readonly Interval[]): Resting[] {
  return scopes
    .filter(({ blackouts, targets }) => blackouts.length > 0 && overlap(intervals, targets))
    .map(({ name, blackouts }) => ({ name, blackouts: blackouts.map(parseBlackout) }));
}

/** Null: these addresses may be scanned now. */
export const blackoutOver = (scopes: readonly Covering[], intervals: readonly Interval[], at: Date): Dark | null =>
  darkAmong(restingOver(scopes, intervals), at);

export function darkAmong(concerned: readonly Resting[], at: Date): Dark | null {
  const on = concerned.find(({ blackouts }) => blackouts.some((one) => isBlackout(one, at)));
  if (!on) return null;
  const all = concerned.flatMap(({ blackouts }) => blackouts);
  return { scope: on.name, until: endOfBlackouts(all, at) ?? new Date(at.getTime() + NEVER_MS) };
}

/** Do these scopes' hours together leave none in which all of them may be scanned? */
export const isAlwaysDark = (concerned: readonly Resting[], at: Date): boolean =>
  endOfBlackouts(
    concerned.flatMap(({ blackouts }) => blackouts),
    at,
  ) === null;

/** Refuses what cannot be read, and hours that leave none. */
export function checkBlackouts(texts: readonly string[]): void {
  const all = texts.map(parseBlackout);
  if (endOfBlackouts(all, new Date(0)) === null)
    throw invalid(texts.join('; '), 'together they leave no hour to scan in');
}
