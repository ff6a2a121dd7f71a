import { AdvisoryId, type Signal } from '../../../model/statement.ts';
import type { FeedMember } from './contract.ts';
import { textOf } from './unpack.ts';

/** FIRST's EPSS: how likely each CVE is to be exploited within 30 days. CSV, usually packed. */
export const epss: FeedMember = {
  info: { kind: 'epss', title: 'FIRST Exploit Prediction Scoring System', needs: {}, ownOf: null, covers: 'all' },
  url: () => 'https://epss.empiricalsecurity.com/epss_scores-current.csv.gz',
  parse(bytes) {
    const lines = textOf(bytes).trimEnd().split(/\r?\n/);
    const date = /score_date:([^,\s]+)/.exec(lines[0] ?? '')?.[1];
    const head = lines[0]?.startsWith('#') ? 1 : 0;
    if (date === undefined || lines[head] !== 'cve,epss,percentile')
      throw new Error('it does not begin as EPSS scores do (a date, then cve,epss,percentile)');
    const signals = lines.slice(head + 1).map((line, at) => signalOf(line, head + 2 + at));
    const time = new Date(date.replace(/\+(\d{2})(\d{2})$/, '+$1:$2'));
    if (Number.isNaN(time.getTime())) throw new Error(`its date is none: ${date.slice(0, 40)}`);
    return { time: time.toISOString(), statements: [], signals };
  },
};

function signalOf(line: string, number: number): Signal {
  const [cve = '', score, percentile, ...more] = line.split(',');
  const [one, other] = [Number(score || NaN), Number(percentile || NaN)];
  const isFraction = (value: number): boolean => value >= 0 && value <= 1;
  if (!AdvisoryId.safeParse(cve).success || !isFraction(one) || !isFraction(other) || more.length > 0)
    throw new Error(`line ${number} is no score`);
  return { kind: 'epss', cve, score: one, percentile: other };
}
