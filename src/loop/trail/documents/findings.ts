import { record, records, text, texts, type Detail } from '../../../model/detail.ts';
import type { SequencedEntry } from '../../../model/trail.ts';
import { detailOf, isType, when } from './detail.ts';
import { plain } from './short.ts';
import { cite, code, tone, type Block, type Inline, type Section, type Tone } from './model.ts';

/** A finding as the entries tell its life. */
export interface Story {
  id: string;
  /** as it burnt: evidence of when it was found, or found again */
  detail: Detail;
  /** what was seen when it was proven fixed, and is still so */
  proof: Detail | null;
  state: string;
  opened: SequencedEntry | null;
  events: SequencedEntry[];
}

const STATES: Record<string, string> = {
  'audit.findings.opened': 'open',
  'audit.findings.fixed': 'fixed',
  'audit.findings.rekindled': 'rekindled',
  'audit.findings.reopened': 'open',
  'audit.findings.withdrawn': 'not applicable',
  'impact.exception.added': 'excepted',
  'impact.exception.applied': 'excepted',
  'impact.exception.ended': 'open',
  'impact.exception.expired': 'open',
};

/** Replays entries in order; the last word about a finding counts. */
export function findingStories(entries: readonly SequencedEntry[]): Map<string, Story> {
  const stories = new Map<string, Story>();
  for (const entry of entries) {
    const state = STATES[entry.entry.type];
    if (state === undefined) continue;
    for (const [id, detail] of mentioned(entry)) {
      const known = stories.get(id) ?? { id, detail: {}, proof: null, state, opened: null, events: [] };
      known.state = state;
      known.proof = state === 'fixed' ? detail : null;
      known.detail = state === 'fixed' ? { ...detail, ...known.detail } : { ...known.detail, ...detail };
      known.opened ??= isType(entry, 'audit.findings.opened') ? entry : null;
      known.events.push(entry);
      stories.set(id, known);
    }
  }
  return stories;
}

function mentioned(entry: SequencedEntry): [string, Detail][] {
  const { findings, named } = detailOf(entry);
  if (!Array.isArray(findings)) return [];
  if (findings.every((item) => typeof item === 'string')) {
    const names = new Map(records(named).map((item) => [text(item['id']), item]));
    return texts(findings).map((id) => [id, names.get(id) ?? {}]);
  }
  return records(findings).map((item) => [text(item['id']), item]);
}

const TONES: Record<string, Tone> = { fixed: 'good', open: 'bad', rekindled: 'bad', excepted: 'warn', planned: 'warn' };
export const stateInline = (state: string): Inline => tone(state, TONES[state] ?? 'quiet');

export function findingsTable(stories: readonly Story[]): Block {
  return {
    kind: 'table',
    head: ['Host', 'Endpoint', 'Check', 'Component', 'Severity', 'Confidence', 'Evidence', 'State', 'Proof', 'Entries'],
    rows: stories.map(({ detail, proof, state, events }) => [
      text(detail['host']),
      code(text(detail['endpoint'])),
      [text(detail['kit']), ' / ', text(detail['check'])],
      text(detail['component']),
      text(detail['severity']),
      confidence(detail['confidence']),
      evidence(detail['evidence']),
      stateInline(state),
      evidence(proof?.['evidence']),
      events.flatMap((event, i) => (i > 0 ? [' ', cite(event)] : [cite(event)])),
    ]),
  };
}

function confidence(value: unknown): string {
  return typeof value === 'number' ? `${Math.round(value * 100)} %` : '';
}

/** Key by key; the whole is in the entry. */
export function evidence(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(record(value))
    .map(([key, item]) => `${key}: ${plain(item)}`)
    .join('; ');
}

export function exposureSection(entries: readonly SequencedEntry[]): Section {
  return {
    title: 'Burnt keys',
    blocks: [
      {
        kind: 'text',
        text: 'These keys were served where they could be read from outside, or are the same as one that was.',
      },
      {
        kind: 'table',
        head: ['Endpoint', 'Host', 'Key (SPKI SHA-256)', 'Certificate', 'Cause', 'Entry'],
        rows: entries.map((entry) => {
          const detail = detailOf(entry);
          const via = text(detail['via']);
          return [
            code(text(detail['endpoint'])),
            text(detail['host']),
            code(text(detail['spki'])),
            code(text(detail['serial'])),
            [text(detail['cause']), via ? ` (via ${via})` : ''],
            cite(entry),
          ];
        }),
      },
    ],
  };
}

export function exceptionSection(entries: readonly SequencedEntry[]): Section {
  return {
    title: 'Accepted risks',
    blocks: [
      {
        kind: 'table',
        head: ['What happened', 'Covers', 'Reason', 'Owner', 'Ends', 'When', 'Entry'],
        rows: entries.map((entry) => {
          const detail = detailOf(entry);
          return [
            entry.entry.type.split('.').at(-1) ?? '',
            code(evidence(detail['match'])),
            text(detail['reason'] ?? entry.entry.reason),
            text(detail['owner']),
            when(detail['expiresAt']),
            when(entry.entry.at),
            cite(entry),
          ];
        }),
      },
    ],
  };
}
