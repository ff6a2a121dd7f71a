import { records, text, texts } from '../../../model/detail.ts';
import { typeInWords } from '../../../model/entry-words.ts';
import type { SequencedEntry } from '../../../model/trail.ts';
import { all, detailOf, last, plural, when } from './detail.ts';
import { evidence, exceptionSection, exposureSection, findingsTable, findingStories } from './findings.ts';
import { cite, code, sections, tone, type Compose, type DocumentBody, type Inline, type Section } from './model.ts';
import { differences } from './short.ts';
import { timeline, whoOf } from './words.ts';

/** The host dossier: what is known about one machine, and everything that ever happened to it. */
export const composeHost: Compose = (id, entries) => {
  const found = all(entries, 'discovery.host.found').findLast((entry) => entry.entry.subject.id === id);
  const detail = found ? detailOf(found) : {};
  const name = entries.findLast((e) => e.entry.subject.id === id && e.entry.subject.name)?.entry.subject.name;
  const stories = [...findingStories(entries).values()].filter((story) =>
    belongs(story.detail, id, text(detail['name']), name),
  );
  const burning = stories.filter((story) => story.state === 'open' || story.state === 'rekindled').length;
  const agent = last(
    entries,
    'enrollment.agent.enrolled',
    'enrollment.agent.back',
    'enrollment.agent.lost',
    'enrollment.agent.revoked',
  );
  return {
    kind: 'host',
    id,
    label: 'Host dossier',
    title: name ?? text(detail['name'], id),
    status: burning > 0 ? { text: `${burning} open`, tone: 'bad' } : { text: 'nothing open', tone: 'good' },
    lead: leadOf(entries, burning, agent),
    sections: sections(
      { title: 'Identity', blocks: [{ kind: 'facts', rows: identityRows(id, found, agent) }] },
      historySection(entries),
      endpointSection(entries),
      { title: 'Findings', blocks: [findingsTable(stories)] },
      exposureSection(all(entries, 'audit.exposure.opened')),
      exceptionSection(entries.filter((entry) => entry.entry.type.startsWith('impact.exception.'))),
      changesSection(entries),
      { title: 'Timeline', blocks: [timeline(entries)] },
    ),
  } satisfies DocumentBody;
};

/** Entries about several hosts list all their findings; ours name us, or name nobody. */
function belongs(detail: Record<string, unknown>, id: string, first: string, name: string | undefined): boolean {
  const owner = text(detail['hostId'] ?? detail['host']);
  return owner === '' || owner === id || owner === first || owner === name;
}

function leadOf(entries: readonly SequencedEntry[], burning: number, agent: SequencedEntry | undefined): string {
  const managed = agent ? typeInWords(agent.entry.type).toLowerCase() : 'no agent';
  const begin = entries[0];
  return `${plural(entries.length, 'entry', 'entries')} on the trail since ${when(begin?.entry.at)}; ${managed}; ${plural(burning, 'open finding')}.`;
}

function identityRows(
  id: string,
  found: SequencedEntry | undefined,
  agent: SequencedEntry | undefined,
): [string, Inline][] {
  const detail = found ? detailOf(found) : {};
  const identifiers = records(detail['identifiers']).map((i) => `${text(i['kind'])} ${text(i['value'])}`);
  const rows: [string, Inline][] = [
    ['Host', id],
    ['Addresses when found', code(texts(detail['addresses']).join(', '))],
    ['Strong identifiers', code(identifiers.join(', '))],
    ['Guess', text(detail['guess'])],
    ['Found by', found ? [`${texts(detail['sources']).join(', ')} at ${when(found.entry.at)} `, cite(found)] : ''],
    ['Was listed', detail['claim'] === 'unknown' ? tone('no: nobody had listed it', 'warn') : text(detail['claim'])],
    ['Agent', agent ? [`${typeInWords(agent.entry.type)}, ${when(agent.entry.at)} `, cite(agent)] : 'none'],
  ];
  return rows.filter(
    ([, value]) => value !== '' && !(typeof value === 'object' && 'text' in value && value.text === ''),
  );
}

/** Merges, splits, claims and replacements, with the reason each was given. */
function historySection(entries: readonly SequencedEntry[]): Section {
  const told = all(
    entries,
    'discovery.host.changed',
    'discovery.host.claimed',
    'discovery.host.ignored',
    'discovery.host.merged',
    'discovery.host.split',
  );
  return {
    title: 'How it became what it is',
    blocks: [
      {
        kind: 'table',
        head: ['What', 'Difference', 'Why', 'Who', 'When', 'Entry'],
        rows: told.map((entry) => {
          const detail = detailOf(entry);
          return [
            typeInWords(entry.entry.type),
            differences(detail['before'], detail['after']),
            text(detail['why'] ?? detail['reason'] ?? entry.entry.reason),
            whoOf(entry),
            when(entry.entry.at),
            cite(entry),
          ];
        }),
      },
    ],
  };
}

function endpointSection(entries: readonly SequencedEntry[]): Section {
  const seen = all(entries, 'discovery.endpoint.found', 'discovery.endpoint.changed');
  return {
    title: 'What it serves',
    blocks: [
      {
        kind: 'table',
        head: ['Endpoint', 'Service', 'What', 'Seen', 'When', 'Entry'],
        rows: seen.map((entry) => {
          const detail = detailOf(entry);
          const difference = differences(detail['before'], detail['after']);
          return [
            code(text(detail['endpoint'])),
            text(detail['service']),
            entry.entry.type.endsWith('found') ? 'found' : 'changed',
            difference || evidence(detail['after']),
            when(entry.entry.at),
            cite(entry),
          ];
        }),
      },
    ],
  };
}

function changesSection(entries: readonly SequencedEntry[]): Section {
  const steps = all(entries, 'change.step.finished');
  const closed = all(entries, 'change.change.closed');
  const byChange = Map.groupBy(steps, (entry) => changeIdOf(entry));
  const rows = [...byChange].map(([changeId, own]): Inline[] => {
    const end = closed.findLast((entry) => changeIdOf(entry) === changeId);
    const good = own.filter((entry) => detailOf(entry)['ok'] !== false).length;
    return [
      code(changeId),
      `${good} of ${plural(own.length, 'step')} done`,
      end ? text(detailOf(end)['outcome'], 'closed') : '',
      own.flatMap((entry, i) => (i > 0 ? [' ', cite(entry)] : [cite(entry)])),
    ];
  });
  return {
    title: 'Changes',
    blocks: [{ kind: 'table', head: ['Change', 'Steps on this host', 'Outcome', 'Entries'], rows }],
  };
}

function changeIdOf(entry: SequencedEntry): string {
  return [entry.entry.subject, ...entry.entry.related].find((subject) => subject.kind === 'change')?.id ?? '';
}
