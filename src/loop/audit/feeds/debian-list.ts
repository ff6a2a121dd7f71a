import { createHash } from 'node:crypto';
import type { Statement, StatementStatus } from '../../../model/statement.ts';
import { debianRelease } from '../logic/advisories/release.ts';
import type { FeedMember } from './contract.ts';
import { rangesOf } from './debian-tracker.ts';
import { textOf } from './unpack.ts';

const ADVISORY = /^\[\d{2} \w{3} \d{4}\] ((?:DSA|DLA|DTSA|ELA)-\d+(?:-\d+)?) /;
const VULNERABILITY = /^([A-Z]+-[\w-]+)(?: |$)/;
/** What has no number yet: each is another one, told apart by its heading. */
const PLACEHOLDER = /^[A-Z]+-\d{4}-X+$/;
const PACKAGE = /^\s+(?:\[(\w+)\] )?- (\S+)(?: (<[\w-]+>|[^\s(<]\S*))?(?: \((.*)\))?\s*$/;
const NAMED = /^\s+\{([^}]*)\}/;
const URGENCIES = ['unimportant', 'low', 'medium', 'high'];

const STATUSES: Readonly<Record<string, StatementStatus>> = {
  '<unfixed>': 'affected',
  '<removed>': 'end-of-life',
  '<end-of-life>': 'end-of-life',
  '<not-affected>': 'not-affected',
  '<no-dsa>': 'deferred',
  '<postponed>': 'deferred',
  '<ignored>': 'wont-fix',
  '<undetermined>': 'unassessed',
  '<itp>': 'not-affected',
};

/**
 * The tracker's own lists, CVE/list and DSA/list or DLA/list, in one file: who did what about which release, in its words. A
 * fix that only an advisory names counts as much as one of the CVE's own lines.
 */
export const debianList: FeedMember = {
  info: {
    kind: 'debian-list',
    title: 'Debian security tracker’s lists (CVE, DSA, DLA), as a file',
    needs: {},
    ownOf: 'Debian',
    covers: 'all',
  },
  url: () => null,
  parse(bytes) {
    const statements = new Map<string, Statement>();
    const keep = (one: Statement): void => {
      const key = [one.id, one.name, one.release].join('\n');
      const before = statements.get(key);
      // A release's own fix stays; an advisory's takes the place of "later" and the like.
      if (before === undefined || (before.status !== 'fixed' && one.status === 'fixed')) statements.set(key, one);
    };
    for (const { ids, aliases, lines } of sections(textOf(bytes))) {
      for (const id of ids) for (const line of lines) keep(statementOf(id, aliases, line));
    }
    if (statements.size === 0) throw new Error('it has no line that says anything about a package');
    return { time: null, statements: [...statements.values()], signals: [] };
  },
};

interface Section {
  ids: string[];
  isAdvisory: boolean;
  aliases: string[];
  lines: RegExpExecArray[];
}

function sections(text: string): Section[] {
  const found: Section[] = [];
  for (const line of text.split('\n')) {
    const advisory = ADVISORY.exec(line)?.[1] ?? null;
    const id = advisory === null ? VULNERABILITY.exec(line)?.[1] : undefined;
    if (advisory !== null) found.push({ ids: [], isAdvisory: true, aliases: [advisory], lines: [] });
    else if (id !== undefined) found.push({ ...named(id, line), isAdvisory: false, lines: [] });
    else addTo(found.at(-1), line);
  }
  return found;
}

function named(id: string, heading: string): Pick<Section, 'ids' | 'aliases'> {
  if (!PLACEHOLDER.test(id)) return { ids: [id], aliases: [] };
  const digest = createHash('sha256').update(heading.trim()).digest('hex').slice(0, 8).toUpperCase();
  return { ids: [`${id}-${digest}`], aliases: [id] };
}

function addTo(section: Section | undefined, line: string): void {
  if (!section) return;
  const braces = NAMED.exec(line);
  // Below a CVE the braces name its advisories, below an advisory its CVEs.
  if (braces && section.isAdvisory) section.ids = braces[1]!.split(' ').filter((id) => id !== '');
  const about = PACKAGE.exec(line);
  if (about) section.lines.push(about);
}

function statementOf(id: string, aliases: string[], line: RegExpExecArray): Statement {
  const [, codename, name, told = '<unfixed>', notes = ''] = line;
  const parts = notes.split('; ').filter((part) => part !== '' && !part.startsWith('bug #'));
  const urgency = parts.find((part) => URGENCIES.includes(part)) ?? null;
  const reason = parts.filter((part) => part !== urgency).join('; ');
  const status = STATUSES[told] ?? (told.startsWith('<') ? 'unassessed' : 'fixed');
  const fixed = status === 'fixed' ? told : null;
  return {
    ecosystem: 'Debian',
    release: codename === undefined ? null : debianRelease(codename),
    name: name!,
    of: 'source',
    id,
    aliases,
    status,
    ranges: rangesOf(status, fixed),
    versions: [],
    fixed,
    urgency,
    reason: reason || null,
  };
}
