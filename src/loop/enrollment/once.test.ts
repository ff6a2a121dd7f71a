import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { newSshKey } from '../../host/ssh/testing/keys.ts';
import { listEntries } from '../../platform/ledger/index.ts';
import { withClient } from '../../platform/db/pool.ts';
import { isAppError } from '../../model/errors/index.ts';
import { createDeployment } from './make-deployment.ts';
import { addCredential, listCredentials } from './credentials.ts';
import { deployList, ListInput } from './onboard.ts';
import { deployOnce, eraseOnce, OnceInput } from './once.ts';
import { deployments } from './store-deployments.ts';
import { type Box, sshdSkip as skip, makeBox } from './testing/box.ts';
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

describe('2.5, 2.11: many hosts from a list, and a login for one deployment', { skip }, () => {
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

  test('2.5: a list with one bad row does nothing; a good one records and deploys, each row with its own result', async () => {
    const { platform, discovery } = served;
    const [endpoint] = await discovery.endpoints({ hostId, protocol: 'ssh', state: 'open' });
    await addCredential(platform, discovery, operator, {
      kind: 'private-key',
      name: 'ops',
      username: 'root',
      privateKey: key.private,
    });
    const put = (text: string) => deployList(platform, discovery, operator, ListInput.parse({ text, force: true }));
    const before = (await discovery.hosts()).length;
    const good = `${ADDRESS},ops,${endpoint!.port},prod`;
    const bad = await put(
      `address,login,port,env\n${good}\n127.84.24.9,nobody,22,x\n127.84.24.8,ops,99999,x\n!!,ops,22,x\n${good}\n`,
    );
    assert.equal(bad.imported, false);
    assert.deepEqual(bad.deployments, []);
    assert.deepEqual(
      bad.rows.map(({ line, why }) => [line, why === null]),
      [
        [2, true],
        [3, false],
        [4, false],
        [5, false],
        [6, false],
      ],
    );
    assert.match(
      bad.rows.map(({ why }) => why).join('; '),
      /no login "nobody".*99999.*neither an address nor a name.*line 2 has the same/,
    );
    assert.equal((await discovery.hosts()).length, before, 'nothing half-imported');
    const done = await put(`address,login,port,env\n${good}\n127.84.24.9,ops,22,prod\n`);
    await platform.drain();
    assert.ok(done.imported);
    assert.equal(done.rows[0]!.why, null);
    assert.ok(done.rows[1]!.why, 'nobody answers there, or nobody may look');
    const [made] = await deployments(platform.db, done.deployments);
    assert.deepEqual(
      made!.hosts.map(({ state, why }) => [state, why]),
      [['done', null]],
    );
    assert.equal((await discovery.host(hostId))?.tags['env'], 'prod');
    const other = await discovery.hostByAddress('127.84.24.9');
    assert.ok(other?.sources.includes('import') && other.claim === 'known');
  });
});
