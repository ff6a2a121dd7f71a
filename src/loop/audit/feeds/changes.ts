export interface Change {
  /** as the list has it */
  path: string;
  /** when it changed last, ISO 8601 in UTC */
  at: string;
}

/**
 * A list of changes: one line a document, two values, as CSV writes them. Whatever would lead elsewhere than to a document
 * beside the list makes it another list than is expected.
 */
export function readChanges(
  text: string,
  of: (cells: [string, string]) => { path: string; at: string },
  path: RegExp,
): Change[] {
  const all = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const match = /^\s*"?([^",]{1,300})"?\s*,\s*"?([^",]{1,300})"?\s*$/.exec(line);
    const change = match && of([match[1]!, match[2]!]);
    const time = Date.parse(change?.at ?? '');
    if (!change || Number.isNaN(time) || !path.test(change.path))
      throw new Error(`line ${index + 1} of the list of changes names no document and time`);
    return [{ path: change.path, at: new Date(time).toISOString() }];
  });
  if (all.length === 0) throw new Error('the list of changes is empty');
  return all;
}

export const cursorOf = ({ at, path }: Change): string => `${at} ${path}`;

/** Lists are written while documents change: what changed shortly before is asked again. */
const OVERLAP_MS = 3_600_000;

/** What changed since, oldest first; `cursor` null: all. */
export function changesSince(all: readonly Change[], cursor: string | null): Change[] {
  const order = (a: Change, b: Change): number => (cursorOf(a) < cursorOf(b) ? -1 : 1);
  if (cursor === null) return all.toSorted(order);
  return all.filter((one) => cursorOf(one) > cursor).toSorted(order);
}

/** Where a feed that has come to its end begins the next time. */
export const rewound = (newest: string): string => `${new Date(Date.parse(newest) - OVERLAP_MS).toISOString()} `;
