import { record, text, type Detail } from '../../../model/detail.ts';
import { STEP_LABEL } from '../../../model/campaign-words.ts';
import { FUNNEL, type Campaign } from '../../../model/campaign.ts';
import type { SequencedEntry } from '../../../model/trail.ts';
import { all, detailOf, duration, last, plural, when } from './detail.ts';
import { exceptionSection, exposureSection, findingsTable, findingStories, type Story } from './findings.ts';
import { cite, code, sections, tone, type Compose, type DocumentBody, type Inline, type Section } from './model.ts';
import { withOneName } from './names.ts';
import { timeline } from './words.ts';

/** The campaign report: how far a kit's fire is out over the whole estate, and where it came back. */
export const composeCampaign: Compose = (kit, raw) => {
  const entries = withOneName(raw);
  const loaded = all(entries, 'audit.kit.loaded').findLast((entry) => detailOf(entry)['kit'] === kit);
  const stories = [...findingStories(entries).values()].filter((story) => text(story.detail['kit'], kit) === kit);
  const turn = last(entries, 'change.campaign.out', 'change.campaign.rekindled');
  const state = stateOf(entries, turn);
  const title = loaded ? text(detailOf(loaded)['title'], kit) : kit;
  return {
    kind: 'campaign',
    id: kit,
    label: 'Campaign report',
    title,
    status: STATUS[state],
    lead: leadOf(entries, stories, turn, state),
    sections: sections(
      funnelSection(turn),
      {
        title: 'Came back',
        blocks: [
          { kind: 'list', items: all(entries, 'change.campaign.rekindled', 'audit.findings.rekindled').map(rekindled) },
        ],
      },
      { title: 'Findings', blocks: [findingsTable(stories)] },
      exposureSection(all(entries, 'audit.exposure.opened')),
      exceptionSection(entries.filter((entry) => entry.entry.type.startsWith('impact.exception.'))),
      changesSection(entries),
      { title: 'Timeline', blocks: [timeline(entries.filter((entry) => entry.entry.type !== 'change.step.finished'))] },
    ),
  } satisfies DocumentBody;
};

type State = Campaign['state'];
const STATUS: Record<State, DocumentBody['status']> = {
  none: { text: 'no fire', tone: 'quiet' },
  burning: { text: 'burning', tone: 'bad' },
  out: { text: 'out', tone: 'good' },
  rekindled: { text: 'rekindled', tone: 'bad' },
};

/** As the campaign itself counts: what burns is a key that leaked. */
function stateOf(entries: readonly SequencedEntry[], turn: SequencedEntry | undefined): State {
  if (turn) return turn.entry.type.endsWith('out') ? 'out' : 'rekindled';
  return all(entries, 'audit.exposure.opened', 'change.campaign.opened').length > 0 ? 'burning' : 'none';
}

function leadOf(
  entries: readonly SequencedEntry[],
  stories: readonly Story[],
  turn: SequencedEntry | undefined,
  state: State,
): string {
  const count = (wanted: string): number => stories.filter((story) => story.state === wanted).length;
  const begin = entries.find((entry) => entry.entry.type === 'audit.findings.opened');
  const out = all(entries, 'change.campaign.out')[0];
  const time = begin && out ? ` From the first finding to 100 %: ${duration(begin.entry.at, out.entry.at)}.` : '';
  const back = state === 'rekindled' && turn ? ` It came back at ${when(turn.entry.at)}.` : '';
  const none =
    state === 'none'
      ? ' No key is known to have leaked; that says nothing about endpoints which nobody has looked at.'
      : '';
  return `${plural(stories.length, 'finding')}: ${count('fixed')} proven fixed, ${count('open')} open, ${count('rekindled')} rekindled, ${count('excepted')} accepted until a date.${none}${time}${back}`;
}

function funnelSection(turn: SequencedEntry | undefined): Section {
  const totals = record(turn ? detailOf(turn)['totals'] : null);
  const byStep = record(totals['byStep']);
  const endpoints = Number(totals['endpoints'] ?? 0);
  const rows = FUNNEL.filter((step) => byStep[step] !== undefined).map((step): Inline[] => {
    const done = Number(byStep[step]);
    return [STEP_LABEL[step], tone(`${done} of ${endpoints}`, done >= endpoints ? 'good' : 'bad')];
  });
  const share =
    typeof totals['share'] === 'number' ? `${Math.floor(totals['share'] * 1000) / 10} % have done all steps.` : '';
  return {
    title: 'The funnel',
    blocks: [
      { kind: 'text', text: turn && share ? [`${share} As of ${when(turn.entry.at)} `, cite(turn)] : '' },
      { kind: 'table', head: ['Step', 'Endpoints'], rows },
    ],
  };
}

function rekindled(entry: SequencedEntry): Inline {
  const detail = detailOf(entry);
  const first = Array.isArray(detail['findings']) ? record(detail['findings'][0]) : ({} as Detail);
  const cause = text(detail['cause'] ?? first['cause'], 'cause not recorded');
  const where = text(first['endpoint'] ?? first['host'] ?? entry.entry.subject.name);
  return [tone(when(entry.entry.at), 'bad'), ` ${where ? `${where}: ` : ''}${cause} `, cite(entry)];
}

function changesSection(entries: readonly SequencedEntry[]): Section {
  const rows = all(entries, 'change.change.created').map((created): Inline[] => {
    const { id } = created.entry.subject;
    const own = entries.filter((entry) => entry.entry.subject.id === id);
    const closed = last(own, 'change.change.closed');
    const approvals = all(own, 'change.plan.approved').map((entry) => text(detailOf(entry)['keyId']));
    return [
      text(detailOf(created)['title'] ?? created.entry.subject.name, id),
      code(id),
      code(approvals.join(', ')),
      closed ? text(detailOf(closed)['outcome'], 'closed') : 'under way',
      closed ? [cite(created), ' ', cite(closed)] : cite(created),
    ];
  });
  return {
    title: 'Changes',
    blocks: [{ kind: 'table', head: ['Change', 'Id', 'Approved with keys', 'Outcome', 'Entries'], rows }],
  };
}
