import { typeInWords } from '../../model/entry-words.ts';
import type { Entry, Subject } from '../../model/trail.ts';

/** One line for people: "Scan started: office, by mara". */
export function describeEntry(entry: Entry): string {
  const { kind, name } = entry.actor;
  const known = kind === 'system' || name === nameOf(entry);
  return known ? whatHappened(entry) : `${whatHappened(entry)}, by ${name}`;
}

/** The same where who did it stands beside. */
export function whatHappened(entry: Entry): string {
  const about = nameOf(entry);
  return about ? `${typeInWords(entry.type)}: ${about}` : typeInWords(entry.type);
}

/** What an entry is about, as people call it: never an id. Deployments and scans go by what they were for. */
function nameOf({ subject, related }: Entry): string | null {
  if (subject.name !== undefined) return subject.name;
  const named = related.filter((one): one is Subject & { name: string } => one.name !== undefined);
  const same = named.find((one) => one.id === subject.id);
  if (same) return same.name;
  const [first, ...rest] = named.filter((one) => one.kind === named[0]?.kind);
  if (!first) return null;
  return rest.length > 0 ? `${first.name} and ${rest.length} more` : first.name;
}
