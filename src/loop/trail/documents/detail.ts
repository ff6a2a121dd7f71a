import type { SequencedEntry } from '../../../model/trail.ts';

/** Entries are read as they are: whoever wrote them may have been an older version, so nothing is taken for granted. */
export type Detail = Readonly<Record<string, unknown>>;

export function record(value: unknown): Detail {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Detail) : {};
}

export function records(value: unknown): Detail[] {
  return Array.isArray(value) ? value.map(record) : [];
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map((item) => text(item)) : [];
}

/** Any value in one short line. */
export function text(value: unknown, missing = ''): string {
  if (value === undefined || value === null) return missing;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const json = JSON.stringify(value);
  return json.length > 160 ? `${json.slice(0, 159)}…` : json;
}

export const detailOf = (entry: SequencedEntry): Detail => record(entry.entry.detail);
export const isType = (entry: SequencedEntry, ...types: string[]): boolean => types.includes(entry.entry.type);
export const isAbout = (entry: SequencedEntry, kind: string, id: string): boolean =>
  [entry.entry.subject, ...entry.entry.related].some((subject) => subject.kind === kind && subject.id === id);

export const last = (entries: readonly SequencedEntry[], ...types: string[]): SequencedEntry | undefined =>
  entries.findLast((entry) => isType(entry, ...types));
export const all = (entries: readonly SequencedEntry[], ...types: string[]): SequencedEntry[] =>
  entries.filter((entry) => isType(entry, ...types));

/** `version: 1 → 2` for what differs; what stayed the same is left out. */
export function changes(before: unknown, after: unknown): string {
  const from = record(before);
  const to = record(after);
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys
    .filter((key) => JSON.stringify(from[key]) !== JSON.stringify(to[key]))
    .map((key) => `${key}: ${text(from[key], '–')} → ${text(to[key], '–')}`)
    .join('; ');
}

/** 2026-11-20 10:00:00 UTC */
export function when(at: unknown): string {
  const instant = text(at);
  return /^\d{4}-\d\d-\d\dT/.test(instant) ? `${instant.slice(0, 10)} ${instant.slice(11, 19)} UTC` : instant;
}

export function duration(from: string, to: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
