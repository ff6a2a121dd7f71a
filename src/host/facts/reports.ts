import type { ReportFact, ReportsFacts, ReportTool, RuleFact } from '../../model/facts.ts';
import { stampOf, type Host, type Stat } from '../host.ts';
import type { Report } from '../reports/contract.ts';
import { readLynis } from '../reports/lynis.ts';
import { readXccdf } from '../reports/xccdf.ts';
import { by, type FactSection, type Look } from './look.ts';

/** Where Lynis writes by itself, and where a timer of the operator's puts what oscap found. */
const LYNIS = '/var/log/lynis-report.dat';
const OSCAP = '/var/log/openscap';
const MOST_FILES = 20;
const FILE_LIMIT = 64 * 1024 * 1024;
/** Over a network each look reads them anew. */
const FAR_LIMIT = 4 * 1024 * 1024;

const READERS: Readonly<Record<ReportTool, (text: string) => Report | Promise<Report>>> = {
  lynis: readLynis,
  oscap: readXccdf,
};

interface Taken {
  report: ReportFact;
  rules: RuleFact[];
}
type Read = Taken | { why: string };

/** Results of other audit tools that lie on the host. Nothing is run for them: docs/decisions/0070. */
export const reports: FactSection<'reports'> = {
  name: 'reports',
  version: 1,
  async collect(look): Promise<ReportsFacts> {
    const facts: ReportsFacts = { reports: [], rules: [], unread: [] };
    const taken: Taken[] = [];
    for (const { tool, path } of await places(look.host)) {
      const read = await readOne(look, tool, path);
      if (read === null) continue;
      if ('why' in read) {
        facts.unread.push({ path, why: read.why });
        continue;
      }
      facts.reports.push(read.report);
      taken.push(read);
    }
    facts.rules = rulesOf(taken).sort(by((one) => `${one.tool} ${one.rule}`));
    return facts;
  },
};

async function places(host: Host): Promise<{ tool: ReportTool; path: string }[]> {
  const names = ((await host.list(OSCAP)) ?? []).filter((name) => /^[\w.+-]{1,200}\.xml$/.test(name));
  const files = names.slice(0, MOST_FILES).map((name) => ({ tool: 'oscap' as const, path: `${OSCAP}/${name}` }));
  return [{ tool: 'lynis', path: LYNIS }, ...files];
}

async function readOne(look: Look, tool: ReportTool, path: string): Promise<Read | null> {
  const { host } = look;
  const stat = await host.stat(path);
  if (stat === null) return null;
  const why = refusal(stat, host.far ? FAR_LIMIT : FILE_LIMIT);
  if (why !== null) return { why };
  // A file of many megabytes is read once, not at each look.
  return look.kept(`reports ${path}`, stampOf(stat), async () => {
    const bytes = await host.read(path, { maxBytes: stat.size + 1 });
    if (bytes === null) return null;
    try {
      const { about, rules } = await READERS[tool](Buffer.from(bytes).toString('utf8'));
      return { report: { ...about, tool, path }, rules: rules.map((rule) => ({ ...rule, tool, path })) };
    } catch (error) {
      return { why: (error as Error).message };
    }
  });
}

/** Whoever may write the file may say that all is well. */
function refusal({ kind, uid, mode, size }: Stat, limit: number): string | null {
  if (kind !== 'file') return 'it is no file';
  if (uid !== 0) return 'it is not root’s: whoever it is of may say what he likes';
  if ((mode & 0o022) !== 0) return 'others than root may write it, and say what they like';
  return size > limit ? `it is larger than ${limit / 1024 / 1024} MB` : null;
}

/**
 * Of each profile the newest results that fit this system: content that does not fit it says nothing, however new it is. Of a
 * rule that several profiles have, the newest of those.
 */
function rulesOf(taken: readonly Taken[]): RuleFact[] {
  const fitting = taken.filter(({ report }) => report.fits);
  const newest = lastOf(fitting, ({ report: { tool, content, profile } }) => [tool, benchmarkOf(content), profile]);
  return lastOf(
    newest.flatMap(({ report, rules }) => rules.map((rule) => ({ report, rule }))),
    ({ rule }) => [rule.tool, rule.rule],
  ).map(({ rule }) => rule);
}

/** Without its version: newer content takes the place of older. */
const benchmarkOf = (content: string): string => content.replace(/ \S*$/, '');

/** Of those with the same key the one whose results are the newest; of several, the first. */
function lastOf<T extends { report: ReportFact }>(items: readonly T[], key: (item: T) => unknown[]): T[] {
  const found = new Map<string, T>();
  for (const item of items) {
    const name = JSON.stringify(key(item));
    const known = found.get(name);
    if (known === undefined || known.report.endedAt < item.report.endedAt) found.set(name, item);
  }
  return [...found.values()];
}
