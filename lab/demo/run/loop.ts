import type { Change } from '../../../src/model/change.ts';
import { hostsOf } from './api.ts';
import type { Demo } from './context.ts';
import { setUpEstate } from './setup.ts';
import { audit, campaignNow, findingsNow } from './steps/audit.ts';
import { approve, BASELINE, checkFixed, HEARTBLEED, plan, rollOut } from './steps/change.ts';
import { discover } from './steps/discover.ts';
import { proveTrail, writeDocuments } from './steps/document.ts';
import { enroll } from './steps/enroll.ts';
import { checkExpiry, except, showImpact } from './steps/impact.ts';
import { rekindle } from './steps/rekindle.ts';
import { verify } from './steps/verify.ts';
import type { Results } from './summary.ts';
import { lookAround } from './witness.ts';

/** The whole loop, once around. */
export async function walkLoop(demo: Demo): Promise<Results> {
  const { account, people } = demo;
  await account.step('setup', 'What an operator enters on the first day', () => setUpEstate(demo));
  await account.step('discovery', '1 Discovery: what is out there?', () => discover(demo));
  await account.step('enrollment', '2 Enrollment: agents onto the hosts, over SSH', () => enroll(demo));
  const seen = await lookAround(demo);
  const found = await account.step('audit', '3 Audit: what is wrong?', () => audit(demo));
  const exceptions = await account.step(
    'impact',
    '4 Impact: who would feel it, and what is accepted for now?',
    async () => {
      await showImpact(demo);
      return except(demo, found);
    },
  );
  const before = { findings: found, campaign: await campaignNow(demo) };
  const planned = await account.step('plan', '5 Change: a plan for every burning finding', () =>
    plan(demo, HEARTBLEED),
  );
  await account.step('approval', '5 Change: approval of exactly this plan', () => approve(demo, planned));
  const change = await account.step('rollout', '5 Change: canary first', () => rollOut(demo, planned.id));
  const after = await account.step('verification', '5 Change: proven from inside and outside', async () => {
    const campaign = await verify(demo, seen);
    const findings = await findingsNow(demo);
    checkFixed(demo, change, findings);
    return { campaign, findings };
  });
  await account.step('expiry', '4 Impact: an exception ends', () => checkExpiry(demo, exceptions));
  const settings = await account.step('settings', '5 Change: the same way for settings', () => changeSettings(demo));
  const rekindled = await account.step('rekindling', 'Around again: an old image comes back', async () => {
    const campaign = await rekindle(demo);
    return { campaign, findings: await findingsNow(demo) };
  });
  const { trail, documents } = await account.step(
    'trail',
    '6 Trail: what happened, proven and written up',
    async () => ({
      documents: await writeDocuments(demo, change),
      trail: await proveTrail(demo),
    }),
  );
  // As they are left: one was built anew.
  const hosts = await hostsOf(people.operator);
  return { hosts, before, after, rekindled, change, settings, trail, documents };
}

/** In `--once`; otherwise the person may do this one alone. */
async function changeSettings(demo: Demo): Promise<Change | null> {
  if (!demo.options.once) {
    demo.account.say('left for you: the findings of the baseline are open; `change create` below plans them');
    return null;
  }
  const planned = await plan(demo, BASELINE);
  await approve(demo, planned);
  const change = await rollOut(demo, planned.id);
  checkFixed(demo, change, await findingsNow(demo));
  return change;
}
