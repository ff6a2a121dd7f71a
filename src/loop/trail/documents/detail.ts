import { record, text, type Detail } from '../../../model/detail.ts';
import type { SequencedEntry } from '../../../model/trail.ts';

export const detailOf = (entry: SequencedEntry): Detail => record(entry.entry.detail);
export const isType = (entry: SequencedEntry, ...types: string[]): boolean => types.includes(entry.entry.type);
export const isAbout = (entry: SequencedEntry, kind: string, id: string): boolean =>
  [entry.entry.subject, ...entry.entry.related].some((subject) => subject.kind === kind && subject.id === id);

export const last = (entries: readonly SequencedEntry[], ...types: string[]): SequencedEntry | undefined =>
  entries.findLast((entry) => isType(entry, ...types));
export const all = (entries: readonly SequencedEntry[], ...types: string[]): SequencedEntry[] =>
  entries.filter((entry) => isType(entry, ...types));

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
