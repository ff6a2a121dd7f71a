import { type Command, Option } from 'commander';
import {
  type CheckVerdict,
  type ComplianceDay,
  DIMENSIONS,
  type Dimension,
  type ScoreRow,
  type Tally,
} from '../../model/compliance.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit.ts';
import { hostIdOf } from '../lookup.ts';
import { ago, type Column, count, list, show } from '../output.ts';
import { does, flag, number, type Options, text } from '../run.ts';
import { NOBODY_LOOKED } from '../views.ts';

export function addCompliance(root: Command): void {
  const compliance = root
    .command('compliance')
    .description('How much of what applies passes. What is not known, and what is stale, counts as not passed')
    .addOption(new Option('--by <dimension>', 'one row for each').choices([...DIMENSIONS]).default('kit'))
    .option('--over-time', 'the score of each day instead')
    .option('--kit <kit>', 'over time: of this kit')
    .option('--owner <owner>', 'over time: of the hosts of this owner')
    .option('--days <n>', 'over time: so many days back (default: 90)');
  does(compliance, async (context, _, options) =>
    flag(options, 'overTime') ? showDays(context, options) : showScores(context, options),
  );
  does(
    compliance
      .command('show <host>')
      .description('Every verdict of one host: since when, by which facts, and what drifted')
      .option('--drift', 'only what passed before and fails now')
      .option('--failed', 'only what does not pass'),
    showHost,
  );
}

const score = (value: number | null): string => (value === null ? '–' : `${value} %`);
const number0 = (value: number): string => (value === 0 ? '–' : String(value));

type Counted = { tally: Tally };

const counts = <T extends Counted>(): Column<T>[] => [
  { title: 'PASS', of: ({ tally }) => number0(tally.pass) },
  { title: 'FAIL', of: ({ tally }) => number0(tally.fail) },
  { title: 'DRIFTED', of: ({ tally }) => number0(tally.drifted) },
  { title: 'EXCEPTED', of: ({ tally }) => number0(tally.excepted) },
  { title: 'UNKNOWN', of: ({ tally }) => number0(tally.unknown) },
  { title: 'STALE', of: ({ tally }) => number0(tally.stale) },
];

async function showScores(context: Context, options: Options): Promise<void> {
  for (const only of ['kit', 'owner', 'days'])
    if (text(options, only) !== undefined) throw new UsageError(`--${only} goes with --over-time`);
  const by = text(options, 'by') as Dimension;
  const found = await (await context.client()).getCompliance({ query: { by } });
  if (context.output.json) return context.output.out(JSON.stringify(found, null, 2));
  if (found.estate.tally.hosts === 0) return context.output.out(NOBODY_LOOKED);
  show(context.output, null, [
    ['score', `${score(found.estate.score)}${withExceptions(found.estate)}`],
    ['hosts', `${found.estate.tally.hosts} judged${found.unjudged > 0 ? `, ${found.unjudged} not yet` : ''}`],
    ['verdicts', sentence(found.estate.tally)],
  ]);
  context.output.out('');
  list(
    context.output,
    found.items,
    [
      { title: by.toUpperCase(), of: (row) => row.name, shrink: true },
      { title: 'SCORE', of: (row) => score(row.score) },
      ...counts<ScoreRow>(),
    ],
    by === 'control' ? 'No check of a kit names a control.' : 'Nothing was judged yet: lastember audit',
  );
  if (found.more > 0) context.output.out(`… and ${found.more} more, with better scores`);
}

const withExceptions = ({ score: plain, scoreWithExceptions }: ScoreRow): string =>
  plain === scoreWithExceptions ? '' : `, ${score(scoreWithExceptions)} with what is accepted`;

function sentence(tally: Tally): string {
  const { pass, fail, drifted, excepted, unknown, stale, notApplicable } = tally;
  const stained = drifted > 0 ? ` (${drifted} of what fails passed before)` : '';
  return `${pass} pass, ${fail} fail, ${excepted} excepted, ${unknown} unknown, ${stale} stale, ${notApplicable} not applicable${stained}`;
}

async function showDays(context: Context, options: Options): Promise<void> {
  const [kit, owner, days] = [text(options, 'kit'), text(options, 'owner'), number(options, 'days')];
  if (kit !== undefined && owner !== undefined) throw new UsageError('--kit and --owner do not go together');
  const { items } = await (
    await context.client()
  ).listComplianceDays({
    query: {
      ...(kit === undefined ? {} : { kit }),
      ...(owner === undefined ? {} : { owner }),
      ...(days === undefined ? {} : { days }),
    },
  });
  list(
    context.output,
    items,
    [
      { title: 'DAY', of: (row) => row.day },
      { title: 'SCORE', of: (row) => score(row.score) },
      ...counts<ComplianceDay>(),
    ],
    'No day is written down yet; the score is noted once an hour.',
  );
}

async function showHost(context: Context, [host]: string[][], options: Options): Promise<void> {
  const client = await context.client();
  const found = await client.getHostCompliance({ params: { id: await hostIdOf(client, host![0]!) } });
  const items = found.items.filter(
    (one) =>
      (!flag(options, 'drift') || one.drift !== null) &&
      (!flag(options, 'failed') || !['pass', 'not-applicable'].includes(one.verdict)),
  );
  if (context.output.json) return context.output.out(JSON.stringify({ ...found, items }, null, 2));
  show(context.output, null, [
    ['host', found.hostName],
    ['score', `${score(found.row.score)}${withExceptions(found.row)}`],
    ['verdicts', sentence(found.row.tally)],
    ['policies', found.policies.join(', ') || 'none: every kit applies'],
    ['reported', `${ago(found.reportedAt)}${found.stale ? ': stale, these are the verdicts of then' : ''}`],
  ]);
  context.output.out('');
  list(
    context.output,
    items,
    [
      { title: 'VERDICT', of: (one) => (found.stale ? `stale (${one.verdict})` : one.verdict) },
      { title: 'SEVERITY', of: (one) => one.severity },
      { title: 'CHECK', of: (one) => `${one.kit}/${one.check}`, shrink: true },
      { title: 'SINCE', of: (one) => ago(one.since) },
      { title: 'DRIFT', of: drift, shrink: true },
      { title: 'FACTS', of: facts, drop: 1 },
    ],
    found.items.length === 0 ? 'It was not judged yet: lastember audit' : 'No verdict fits.',
  );
  if (items.length > 0)
    context.output.out(`\n${count(items.length, 'verdict')}; findings: lastember findings --host ${host![0]!}`);
}

function drift({ drift: found }: CheckVerdict): string {
  if (found === null) return '';
  const values = found.values.map(
    ({ what, before, after }) => `${what}: ${before ?? 'nothing'} → ${after ?? 'nothing'}`,
  );
  return values.length > 0 ? values.join('; ') : `passed until ${found.at}`;
}

const facts = ({ facts: hashes }: CheckVerdict): string =>
  Object.entries(hashes)
    .map(([section, hash]) => `${section} ${hash.slice(0, 8)}`)
    .join(', ');
