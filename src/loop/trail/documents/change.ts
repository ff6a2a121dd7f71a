import { text, texts } from '../../../model/detail.ts';
import type { SequencedEntry } from '../../../model/trail.ts';
import {
  decisionSection,
  hostsSection,
  impactSection,
  planOf,
  planSection,
  rolloutSection,
  verificationSection,
} from './change-parts.ts';
import { all, detailOf, duration, isAbout, last, plural, when } from './detail.ts';
import { exceptionSection, exposureSection, findingsTable, findingStories, type Story } from './findings.ts';
import { cite, sections, type Compose, type DocumentBody, type Inline, type Tone } from './model.ts';
import { withOneName } from './names.ts';
import { timeline, whoOf } from './words.ts';

const OUTCOME_TONES: Record<string, Tone> = {
  closed: 'good',
  done: 'good',
  failed: 'bad',
  'rolled-back': 'bad',
  cancelled: 'warn',
};

/** The change record: from what was found to the proof that it is gone, from trail entries alone. */
export const composeChange: Compose = (id, raw) => {
  const entries = withOneName(raw);
  const own = entries.filter((entry) => isAbout(entry, 'change', id));
  const created = last(own, 'change.change.created');
  const closed = last(own, 'change.change.closed');
  const detail = created ? detailOf(created) : {};
  const outcome = closed ? text(detailOf(closed)['outcome'], 'closed') : 'under way';
  const stories = ownStories(entries, own);
  const hostIds = hostsOf(own);
  return {
    kind: 'change',
    id,
    label: 'Change record',
    title: text(detail['title'] ?? created?.entry.subject.name, id),
    status: { text: outcome, tone: closed ? (OUTCOME_TONES[outcome] ?? 'quiet') : 'warn' },
    lead: leadOf(own, stories, outcome),
    sections: sections(
      { title: 'Summary', blocks: [{ kind: 'facts', rows: summaryRows(id, own, stories) }] },
      { title: 'What was found', blocks: [findingsTable(stories)] },
      hostsSection(entries, hostIds),
      exposureSection(
        all(entries, 'audit.exposure.opened').filter((entry) =>
          entry.entry.related.concat(entry.entry.subject).some((s) => hostIds.has(s.id)),
        ),
      ),
      exceptionSection(own.filter((entry) => entry.entry.type.startsWith('impact.exception.'))),
      decisionSection(own),
      planSection(own),
      impactSection(own),
      rolloutSection(own),
      verificationSection(own),
      { title: 'Timeline', blocks: [timeline(own)] },
    ),
  } satisfies DocumentBody;
};

/** Findings that the change took on, or, where it does not say, those that its own entries mention. */
function ownStories(entries: readonly SequencedEntry[], own: readonly SequencedEntry[]): Story[] {
  const stories = findingStories(entries);
  const created = last(own, 'change.change.created');
  const plan = planOf(own)?.plan;
  const ids = new Set([
    ...texts(created ? detailOf(created)['findings'] : []),
    ...(plan?.waves ?? []).flatMap((wave) => wave.tasks.flatMap((task) => task.findings)),
  ]);
  return [...stories.values()].filter((story) => ids.has(story.id));
}

export function hostsOf(own: readonly SequencedEntry[]): Set<string> {
  const related = own.flatMap((entry) => entry.entry.related.filter((subject) => subject.kind === 'host'));
  const tasks = planOf(own)?.plan?.waves.flatMap((wave) => wave.tasks) ?? [];
  return new Set([...related.map((subject) => subject.id), ...tasks.map((task) => task.hostId)]);
}

function leadOf(own: readonly SequencedEntry[], stories: readonly Story[], outcome: string): string {
  const fixed = stories.filter((story) => story.state === 'fixed').length;
  const hosts = plural(hostsOf(own).size, 'host');
  const approvals = plural(all(own, 'change.plan.approved').length, 'approval');
  const begin = own[0];
  const end = own.at(-1);
  const time = begin && end ? `, ${duration(begin.entry.at, end.entry.at)} from the first entry to the last` : '';
  return `${plural(stories.length, 'finding')} on ${hosts}, ${approvals}; ${fixed} proven fixed. Outcome: ${outcome}${time}.`;
}

function summaryRows(id: string, own: readonly SequencedEntry[], stories: readonly Story[]): [string, Inline][] {
  const created = last(own, 'change.change.created');
  const closed = last(own, 'change.change.closed');
  const made = planOf(own);
  const detail = created ? detailOf(created) : {};
  const rows: [string, Inline][] = [
    ['Change', id],
    ['Kit', text(detail['kit'] ?? made?.plan?.kit.id)],
    ['Why', text(created?.entry.reason ?? detail['reason'])],
    ['Opened', created ? [`${when(created.entry.at)} by ${whoOf(created)} `, cite(created)] : ''],
    ['Closed', closed ? [`${when(closed.entry.at)} `, cite(closed)] : ''],
    ['Plan', made ? [{ text: made.digest, code: true }, ' ', cite(made.entry)] : ''],
    ['Findings', stories.length > 0 ? String(stories.length) : ''],
  ];
  return rows.filter(([, value]) => value !== '');
}
