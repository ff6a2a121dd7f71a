import { typeInWords } from '../../model/entry-words.ts';
import type { Entry } from '../../model/trail.ts';

/** Of a record that an entry names by its id alone. */
export type NameOf = (id: string) => string | undefined;

/** One line for people: "Scan started: office, by mara". */
export function describeEntry(entry: Entry, nameOf: NameOf): string {
  const { kind, name } = entry.actor;
  const known = kind === 'system' || name === about(entry, nameOf);
  return known ? whatHappened(entry, nameOf) : `${whatHappened(entry, nameOf)}, by ${name}`;
}

/** The same where who did it stands beside. */
export function whatHappened(entry: Entry, nameOf: NameOf): string {
  const name = about(entry, nameOf);
  return name ? `${typeInWords(entry.type)}: ${name}` : typeInWords(entry.type);
}

/** What an entry is about, as people call it: never an id. Deployments and scans go by what they were for. */
function about({ subject, related }: Entry, nameOf: NameOf): string | undefined {
  if (subject.name !== undefined) return subject.name;
  const named = related.flatMap(({ kind, id, name = nameOf(id) }) => (name === undefined ? [] : [{ kind, id, name }]));
  const same = named.find((one) => one.id === subject.id);
  if (same) return same.name;
  const [first, ...rest] = named.filter((one) => one.kind === named[0]?.kind);
  return first && rest.length > 0 ? `${first.name} and ${rest.length} more` : first?.name;
}
