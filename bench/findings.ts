import type { RunningPlatform } from '../src/platform/index.ts';
import { findHosts } from './audit-estate.ts';
import { counted, type Estate, estateOn, percentile, timed } from './audit.ts';
import type { Bench, Measured } from './contract.ts';
import { fillFindings } from './findings-estate.ts';
import { withEmbedded } from './reconcile.ts';

const PER_HOST = 2.4;
const TIMES = 40;
/** In seconds, of the 95th of a hundred. */
const BAR = 0.2;
const figures: string[] = [];

const BURNING = { state: ['open', 'planned', 'rekindled'] };
/** Of nothing that there is: what no finding fits. */
const NONE = { state: 'not-applicable' };

/** What is asked of a page, with hits and without. */
const QUESTIONS: Record<string, object> = {
  'nothing asked': {},
  'the worst of what burns, as the console asks': { ...BURNING, sort: 'worst' },
  'the soonest to end of what burns': { ...BURNING, sort: 'due' },
  'the least severe of what burns, the worst first': { ...BURNING, severity: 'low', sort: 'worst' },
  'in a state that none has': NONE,
  'of a kit': { kit: 'kit-3' },
  'of an advisory': { cve: 'CVE-2026-10007' },
  'of an owner with one host in 500': { owner: 'team-77' },
  'of nobody, who has one host in 20': { owner: 'nobody' },
  'of an owner that there is not': { owner: 'else' },
  overdue: { overdue: 'true' },
  'overdue, none': { overdue: 'true', ...NONE },
  stale: { stale: 'true' },
  'stale, none': { stale: 'true', ...NONE },
  'not stale, none': { stale: 'false', ...NONE },
  drifted: { drift: 'true' },
  'drifted, none': { drift: 'true', owner: 'team-77', stale: 'true' },
  'not drifted, none': { drift: 'false', ...NONE },
};

async function measure({ call }: Estate): Promise<number> {
  let worst = 0;
  const put = async (what: string, id: string, query: object): Promise<void> => {
    const times: number[] = [];
    for (let n = 0; n < TIMES; n += 1) times.push(await timed(() => call(id, { query })));
    const late = percentile(times, 0.95);
    worst = Math.max(worst, late);
    const ms = (seconds: number): string => (seconds * 1000).toFixed(0);
    figures.push(
      `${what}: ${ms(Math.min(...times))} ms at best, median ${ms(percentile(times, 0.5))}, 95th ${ms(late)}`,
    );
  };
  for (const [what, query] of Object.entries(QUESTIONS)) await put(what, 'listFindings', { limit: '100', ...query });
  await put('counts of what burns', 'countFindings', BURNING);
  await put('counts of all', 'countFindings', {});
  await put('looked up by the end of an id', 'listFindings', { ref: '00abcd' });
  return worst;
}

async function once(platform: RunningPlatform, hosts: number): Promise<number> {
  const estate = estateOn(platform);
  await fillFindings(platform, await findHosts(platform, estate.discovery, hosts), PER_HOST);
  await counted(platform);
  return measure(estate);
}

/** One round: filling in takes a minute. */
export const findings: Bench = {
  name: 'findings',
  claim: 'a page of the findings of 100,000 hosts within 200 ms (95th), whatever is asked (peer: that bar)',
  target: 1,
  figures: () => figures,
  missing: () => null,
  run: async (_, size): Promise<Measured[]> => {
    const hosts = size < 100 ? size * 100 : size * 1000;
    return [{ ours: 1 / (await withEmbedded((platform) => once(platform, hosts))), peer: 1 / BAR }];
  },
};
