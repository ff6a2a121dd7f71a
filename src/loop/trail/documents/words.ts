import { record, records, text } from '../../../model/detail.ts';
import { typeInWords } from '../../../model/entry-words.ts';
import { Step } from '../../../model/kit.ts';
import { stepInWords } from '../../../model/step-words.ts';
import type { SequencedEntry } from '../../../model/trail.ts';
import { detailOf, when } from './detail.ts';
import { cite, type Block, type Inline } from './model.ts';

/** What is worth reading of an entry in a timeline. */
function gist(entry: SequencedEntry): string {
  const detail = detailOf(entry);
  const findings = records(detail['findings']);
  if (entry.entry.type.startsWith('audit.findings')) {
    return findings
      .map((f) => [text(f['check']), text(f['endpoint'] ?? f['host'])].filter(Boolean).join(' on '))
      .join(', ');
  }
  if (entry.entry.type === 'change.step.finished') {
    const ok = detail['ok'] === false ? `not done: ${text(detail['error'])}` : 'done';
    return `${stepOfEntry(detail['step'])} on ${text(detail['host'])}, ${ok}`;
  }
  const known = ['title', 'name', 'endpoint', 'outcome', 'wave', 'why', 'cause', 'host', 'hostName', 'version'];
  return known
    .flatMap((key) => (detail[key] === undefined ? [] : text(detail[key])))
    .slice(0, 2)
    .join(', ');
}

export function timeline(entries: readonly SequencedEntry[]): Block {
  return {
    kind: 'timeline',
    items: entries.map((entry) => {
      const said = gist(entry);
      const parts: Inline[] = [typeInWords(entry.entry.type), said ? `: ${said}` : '', ' ', cite(entry)];
      return { at: when(entry.entry.at), who: whoOf(entry), text: parts };
    }),
  };
}

export function whoOf(entry: SequencedEntry): string {
  const { actor } = entry.entry;
  return actor.kind === 'system' ? `system (${actor.name})` : `${actor.name}${actor.ip ? ` from ${actor.ip}` : ''}`;
}

/** A step as an entry holds it: in words if this version knows it, else by its kind. */
export function stepOfEntry(value: unknown): string {
  const step = Step.safeParse(value);
  return step.success ? stepInWords(step.data) : text(record(value)['kind'] ?? value, 'step');
}
