import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { approveChange } from './approve.ts';
import { campaignOf, updateCampaign } from './campaigns.ts';
import { runChange } from './control.ts';
import { createChange } from './planning.ts';
import { OLGA, testEstate, type TestEstate } from './testing/estate.ts';
import { viewChange } from './view.ts';

let estate: TestEstate;
before(async () => {
  estate = await testEstate(51);
});
after(() => estate.close());

test('F.1, 5.20, 5.21: a compromised estate, from plan to proof', async () => {
  const { deps, approvers } = estate;
  const shop = await estate.addHost('shop');
  const pay = await estate.addHost('pay');
  const mail = await estate.addHost('mail', { key: pay.key, version: '0.10.48-1' });
  const { change, left } = await createChange(deps, OLGA, {
    kit: 'heartbleed',
    title: 'Heartbleed',
    reason: 'CVE-2014-0160',
  });
  assert.deepEqual(left, []);
  assert.equal(change.state, 'awaiting-approval');
  await assert.rejects(runChange(deps, OLGA, change.id), (e) => isAppError(e, 'CHANGE_NOT_APPROVED'));
  const approved = await approveChange(
    deps,
    approvers.anna.actor,
    change.id,
    approvers.anna.approve(change.id, change.planDigest!),
  );
  assert.equal(approved.state, 'scheduled');
  await runChange(deps, OLGA, change.id);
  await estate.settle(change.id);
  const done = await viewChange(deps, change.id);
  assert.equal(done.state, 'closed', done.why ?? JSON.stringify(done.waves, null, 1));
  console.log(shop.log, pay.log, mail.log);
  await updateCampaign(deps, 'heartbleed');
  const campaign = await campaignOf(deps, 'heartbleed');
  console.log(
    JSON.stringify(
      campaign.endpoints.map((e) => e.steps),
      null,
      1,
    ),
  );
  assert.equal(campaign.totals.share, 1);
  assert.equal(campaign.state, 'out');
});
