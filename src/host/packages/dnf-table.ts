/** What dnf would do, as its table of a transaction says it. */
export interface DnfTable {
  /** `isNew`: it comes beside what is there, or is not there yet */
  changes: { name: string; to: string; isNew: boolean }[];
  removed: string[];
}

const SECTION = /^(Installing|Upgrading|Downgrading|Reinstalling|Removing)\b.*:$/;

interface Rows {
  rows: { section: string; words: string[] }[];
  replaced: string[];
}

/** dnf 4 goes on in the next line, further in, where a name is long. */
function rowsOf(text: string): Rows {
  const found: Rows = { rows: [], replaced: [] };
  let section: string | null = null;
  for (const line of text.split('\n')) {
    if (/^[^\s=]/.test(line)) section = SECTION.exec(line)?.[1] ?? null;
    if (section === null || !/^ +\S/.test(line)) continue;
    const words = line.trim().split(/ +/);
    if (words[0] === 'replacing') found.replaced.push(replacedName(words));
    else if (/^ \S/.test(line)) found.rows.push({ section, words });
    else found.rows.at(-1)?.words.push(...words);
  }
  return found;
}

/**
 * The table of dnf 4 and of dnf 5: sections, and in them rows of name, architecture, version, repository and size.
 * `replacing` names what a package takes the place of: an obsolete package, and in dnf 5 its own older version.
 */
export function parseDnfTable(text: string): DnfTable {
  const { rows, replaced } = rowsOf(text);
  const changes = new Map<string, DnfTable['changes'][number]>();
  const gone: string[] = [];
  for (const { section, words } of rows) {
    const [name = '', , to] = words;
    if (to === undefined || section === 'Reinstalling') continue;
    if (section === 'Removing') gone.push(name);
    else changes.set(name, { name, to, isNew: section === 'Installing' });
  }
  // An older version of what is installed makes room for it: its own predecessor, or the oldest of several kernels.
  const removed = [...new Set([...gone, ...replaced])].filter((name) => !changes.has(name));
  return { changes: [...changes.values()], removed };
}

/** dnf 4: `replacing  NAME.ARCH VERSION`; dnf 5: the columns of a row. */
const replacedName = ([, name = '', ...rest]: readonly string[]): string =>
  rest.length === 1 ? name.replace(/\.[^.]+$/, '') : name;
