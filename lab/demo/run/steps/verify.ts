import type { Campaign } from '../../../../src/model/campaign.ts';
import { FUNNEL } from '../../../../src/model/campaign.ts';
import type { Demo } from '../context.ts';
import { untilOrNull } from '../wait.ts';
import { lookAround, revokedSerials, sessionLives, type Seen } from '../witness.ts';
import { campaignNow } from './audit.ts';

/** The campaign as the product counts it, and the same from outside with our own eyes. */
export async function verify(demo: Demo, before: Seen[]): Promise<Campaign> {
  const { account } = demo;
  const out = await untilOrNull(30, async () => {
    const campaign = await campaignNow(demo);
    return campaign.totals.share === 1 ? campaign : null;
  });
  const campaign = out ?? (await campaignNow(demo));
  showFunnel(demo, campaign);
  const { endpoints, excepted, complete, share } = campaign.totals;
  account.claim(
    'F.1: every endpoint that is not excepted has done all steps',
    share === 1 && complete === endpoints - excepted,
    `${complete} of ${endpoints}, ${excepted} excepted, ${Math.round(share * 100)} %`,
  );
  await compare(demo, before, campaign);
  return campaign;
}

export function showFunnel({ account }: Demo, campaign: Campaign): void {
  const mark = { done: '●', open: '○', unknown: '?', 'not-applicable': '·' } as const;
  const rows = campaign.endpoints.map((each) => [
    each.endpoint,
    each.hostName,
    ...FUNNEL.map((step) => mark[each.steps[step].state]),
    each.excepted ? 'excepted' : each.complete ? 'complete' : each.rekindled ? 'rekindled' : '',
  ]);
  account.table([['endpoint', 'host', ...FUNNEL.map((step) => step), ''], ...rows]);
}

async function compare(demo: Demo, before: Seen[], campaign: Campaign): Promise<void> {
  const { account, estate } = demo;
  const mine = before.filter(({ address, port }) =>
    campaign.endpoints.some(({ endpoint, complete }) => complete && endpoint === `${address}:${port}`),
  );
  const now = await lookAround(demo);
  const changed = mine.filter(
    (old) => now.find(({ host, port }) => host === old.host && port === old.port)?.spki !== old.spki,
  );
  account.claim(
    'seen by a visitor: every one of them serves a new key',
    mine.length > 0 && changed.length === mine.length,
    `${changed.length} of ${mine.length}`,
  );
  const revoked = await revokedSerials(`${estate.ca.url}/1.0/crl`);
  const dead = mine.filter(({ serial }) => revoked.has(serial));
  account.claim(
    'every old certificate is in the authority’s revocation list',
    dead.length === mine.length,
    `${dead.length} of ${mine.length}`,
  );
  const alive = await Promise.all(mine.map(sessionLives));
  account.claim(
    'every session from before is worth nothing',
    !alive.includes(true),
    `${alive.filter(Boolean).length} still valid`,
  );
  const keys = new Set(now.map(({ spki }) => spki));
  account.claim(
    'no two servers share a key any more',
    keys.size === now.length,
    `${keys.size} keys on ${now.length} servers`,
  );
}
