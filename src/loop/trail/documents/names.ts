import { record, records, text } from '../../../model/detail.ts';
import type { SequencedEntry, Subject } from '../../../model/trail.ts';
import type { Json } from '../../../model/json.ts';
import { detailOf } from './detail.ts';

/** Where an entry's detail names hosts. */
const KEYS: ReadonlySet<string> = new Set(['host', 'hostName', 'hosts', 'via']);

/**
 * A host is found under one name and told of under another once its agent knows better. In a document it has one: the
 * newest. The entries themselves stay as they are; what is cited is their own text.
 */
export function withOneName(entries: readonly SequencedEntry[]): SequencedEntry[] {
  const newest = newestNames(entries);
  if (newest.size === 0) return [...entries];
  const nameOf = (name: string): string => newest.get(name) ?? name;
  const subject = (one: Subject): Subject =>
    one.kind === 'host' && one.name !== undefined ? { ...one, name: nameOf(one.name) } : one;
  return entries.map((sequenced) => {
    const { entry } = sequenced;
    const renamed = { ...entry, subject: subject(entry.subject), related: entry.related.map(subject) };
    // Who is found is named by the entry itself.
    const keys = entry.type === 'discovery.host.found' ? new Set([...KEYS, 'name']) : KEYS;
    return { ...sequenced, entry: { ...renamed, detail: rename(entry.detail, keys, nameOf) } };
  });
}

/** Older name → newest; without names of two hosts that are called differently now, which tell neither. */
function newestNames(entries: readonly SequencedEntry[]): Map<string, string> {
  const byHost = Map.groupBy(entries.flatMap(namesIn), ({ id }) => id);
  const pairs = [...byHost.values()].flatMap((all) => all.map(({ name }) => ({ name, newest: all.at(-1)!.name })));
  const told = [...Map.groupBy(pairs, ({ name }) => name)].flatMap(([name, some]) => {
    const [newest, ...others] = new Set(some.map((one) => one.newest));
    return newest !== name && others.length === 0 ? [[name, newest!] as const] : [];
  });
  return new Map(told);
}

function namesIn(sequenced: SequencedEntry): { id: string; name: string }[] {
  const { subject, related } = sequenced.entry;
  const detail = detailOf(sequenced);
  const tasks = records(record(detail['plan'])['waves']).flatMap((wave) => records(wave['tasks']));
  return [
    ...[...related, subject].flatMap(({ kind, id, name }) => (kind === 'host' && name ? [{ id, name }] : [])),
    ...[...tasks, detail].map((one) => ({ id: text(one['hostId']), name: text(one['hostName']) })),
  ].filter(({ id, name }) => id !== '' && name !== '');
}

function rename(value: Json, keys: ReadonlySet<string>, nameOf: (name: string) => string): Json {
  if (Array.isArray(value)) return value.map((item) => rename(item, keys, nameOf));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]): [string, Json] => {
      if (keys.has(key) && typeof item === 'string') return [key, nameOf(item)];
      if (keys.has(key) && Array.isArray(item))
        return [key, item.map((one) => (typeof one === 'string' ? nameOf(one) : rename(one, keys, nameOf)))];
      return [key, rename(item, keys, nameOf)];
    }),
  );
}
