import { normalize } from 'node:path/posix';

const INCLUDE = /^[#@](include|includedir)\s+"?([^"]+)"?$/;
const DEPTH = 16;
/** What a sudoers that people wrote does not reach; one that was made to exhaust us does. */
const MOST = { files: 200, lines: 5000, length: 16_384 };

/** Files that an include names, in the order in which sudo reads them. */
export type ReadSudoers = (kind: 'include' | 'includedir', path: string) => Promise<SudoText[]>;

export interface SudoText {
  path: string;
  text: string;
}

export interface SudoLines {
  lines: SudoText[];
  /** files with lines that were left out */
  unread: Set<string>;
}

/** Lines that say something, includes resolved: each file once, however many times and from wherever it is named. */
export async function sudoLines(file: SudoText, included: ReadSudoers): Promise<SudoLines> {
  const found: SudoLines = { lines: [], unread: new Set() };
  const seen = new Set([file.path]);
  const add = async (from: SudoText, depth: number): Promise<void> => {
    for (const raw of from.text.replace(/\\\n/g, ' ').split('\n')) {
      const line = raw.trim();
      const include = line.length > MOST.length ? null : INCLUDE.exec(line);
      if (include === null) addLine(found, from.path, line);
      else await follow(include[1] as 'include' | 'includedir', include[2]!, from, depth + 1);
    }
  };
  const follow = async (
    kind: 'include' | 'includedir',
    named: string,
    from: SudoText,
    depth: number,
  ): Promise<void> => {
    const beside = from.path.slice(0, from.path.lastIndexOf('/'));
    const path = normalize(named.startsWith('/') ? named : `${beside}/${named}`).replace(/(.)\/$/, '$1');
    if (seen.has(`${kind} ${path}`)) return;
    if (depth > DEPTH || seen.size > MOST.files) {
      found.unread.add(path);
      return;
    }
    seen.add(`${kind} ${path}`);
    for (const inner of await included(kind, path)) {
      if (seen.has(inner.path)) continue;
      seen.add(inner.path);
      await add(inner, depth);
    }
  };
  await add(file, 0);
  return found;
}

function addLine(found: SudoLines, path: string, line: string): void {
  if (line.length > MOST.length || found.lines.length >= MOST.lines) {
    found.unread.add(path);
    return;
  }
  const text = withoutComment(line);
  if (text !== '') found.lines.push({ path, text });
}

/** `#` begins a comment, but `#1000` is a uid, and in quotes or behind a backslash it is itself. */
const withoutComment = (line: string): string =>
  /^(?:"[^"]*"|\\.|#\d|[^#"\\])*/.exec(line)?.[0].replace(/\s+/g, ' ').trim() ?? '';
