import { typeInWords } from '../../model/entry-words.ts';
import type { Entry } from '../../model/trail.ts';

/** One line for people: "Findings opened: heartbleed (by audit)". */
export function describeEntry(entry: Entry): string {
  const name = entry.subject.name ?? `${entry.subject.kind} ${entry.subject.id}`;
  const who = entry.actor.kind === 'system' ? '' : ` (${entry.actor.name})`;
  return `${typeInWords(entry.type)}: ${name}${who}`;
}
