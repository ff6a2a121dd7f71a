import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { newSshKey } from '../../host/ssh/testing/keys.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { withClient } from '../../platform/db/pool.ts';
import { isAppError } from '../../model/errors/index.ts';
import { createDeployment } from './deployments.ts';
import { listCredentials } from './credentials.ts';
import { deployOnce, eraseOnce, OnceInput } from './once.ts';
import { deployments } from './store-deployment.ts';
import { type Box, boxSkip as skip, makeBox } from './testing/box.ts';
import { operator, scan, type Served, serve } from './testing/served.ts';

const ADDRESS = '127.84.24.1';
let served: Served;
let box: Box;
let hostId: string;
let key: { private: string; public: string };
before(async () => {
  if (skip) return;
  served = await serve({}, { pollSeconds: 1 });
  box = makeBox({ node: true, machineId: 'box-once' });
  key = newSshKey();
  await scan(served, [ADDRESS], `${await box.sshd(ADDRESS, key.public)}`);
  hostId = (await served.discovery.hostByAddress(ADDRESS))!.id;
});
after(async () => {
  box?.remove();
  await served?.close();
});

/** As an administrator of the database sees it. */
const rows = (table: string): Promise<number> =>
  withClient(served.platform.urls.root, async (client) =>
    Number((await client.query(`select count(*) from ${table}`)).rows[0].count),
  );
const uses = async () =>
  (await listEntries(served.platform.db))
    .map(({ entry }) => entry)
    .filter(({ type }) => type === 'enrollment.credential.used');
async function deploy(privateKey: string) {
  const login = { kind: 'private-key' as const, username: 'root', privateKey };
  const input = OnceInput.parse({ hostIds: [hostId], login, force: true });
  const made = await deployOnce(served.platform, served.discovery, operator, input);
  const lying = await rows('platform.secret');
  await served.platform.drain();
  const [done] = await deployments(served.platform.db, [made.id]);
  return { host: done!.hosts[0]!, lying };
}

describe('2.11: a login for one deployment', { skip }, () => {
  test('2.11: it is used once, each use is on the trail, and then it is neither in the vault nor on the host', async () => {
    const secrets = await rows('platform.secret');
    const { host, lying } = await deploy(key.private);
    assert.deepEqual([host.state, host.why], ['done', null]);
    assert.equal(lying, secrets + 1, 'in the vault while it is needed');
    assert.equal(await rows('platform.secret'), secrets);
    assert.deepEqual(await listCredentials(served.platform, served.discovery), []);
    const [use, ...more] = await uses();
    assert.deepEqual(more, []);
    assert.deepEqual(
      use!.related.map(({ id }) => id),
      [hostId],
    );
    assert.equal((use!.detail as { accepted: boolean }).accepted, true);
    const types = (await listEntries(served.platform.db)).map(({ entry }) => entry.type);
    assert.ok(types.indexOf('enrollment.credential.removed') > types.indexOf('enrollment.credential.used'));
    const trail = JSON.stringify((await listEntries(served.platform.db)).map(({ entry }) => entry));
    const body = key.private.split('\n')[2]!;
    assert.ok(!trail.includes(body));
    const found = await box.run(`grep -rlF '${body}' /etc /opt /var/lib/lastember /root /tmp; true`);
    assert.equal(found.out, '');
  });

  test('2.11: a refused one is on the trail and erased, too; no other deployment takes it', async () => {
    const secrets = await rows('platform.secret');
    const { host } = await deploy(newSshKey().private);
    assert.match(host.why!, /refused with every credential tried \(once-/);
    assert.equal(((await uses()).at(-1)!.detail as { accepted: boolean }).accepted, false);
    assert.equal(await rows('platform.secret'), secrets);
    const login = { kind: 'private-key' as const, username: 'root', privateKey: key.private };
    const input = OnceInput.parse({ hostIds: [hostId], login, force: true });
    await deployOnce(served.platform, served.discovery, operator, input);
    const other = { hostIds: [hostId], force: true, acceptHostKey: false, agentless: false };
    await assert.rejects(createDeployment(served.platform, served.discovery, operator, other), (error) =>
      isAppError(error, 'DEPLOY_NO_CREDENTIAL'),
    );
    await eraseOnce(served.platform);
    assert.equal(await rows('platform.secret'), secrets + 1, 'its deployment has not ended');
    await served.platform.drain();
    assert.equal(await rows('platform.secret'), secrets);
    // Nothing to deploy: the login was never needed.
    const nothing = OnceInput.parse({ hostIds: [hostId], login });
    await assert.rejects(deployOnce(served.platform, served.discovery, operator, nothing), (error) =>
      isAppError(error, 'DEPLOY_NOTHING'),
    );
    assert.equal(await rows('platform.secret'), secrets);
  });
});
