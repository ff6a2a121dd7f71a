import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { listenWith } from '../../scan/probes/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { createScan } from './scans.ts';
import { scanRow, toScan } from './store-scans.ts';
import { addScope, newSshKey, OPERATOR, sshServer } from './testing/index.ts';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
});
after(() => platform.close());

test('1.11: what accepts everything in a whole subnet makes no hosts of it, costs seconds, and hides nobody', async (t) => {
  const ssh = await sshServer('127.78.5.1', newSshKey());
  t.after(() => ssh.close());
  // One machine is behind the firewall, and its SSH is let through.
  const letThrough = (socket: Socket): void => {
    if (socket.localAddress !== '127.78.4.77') return;
    const inside = connect(ssh.port, ssh.address);
    for (const [from, to] of [
      [socket, inside],
      [inside, socket],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  };
  const mutes = await Promise.all([
    listenWith(letThrough, '0.0.0.0'),
    ...Array.from({ length: 7 }, () => listenWith(() => undefined, '0.0.0.0')),
  ]);
  t.after(() => Promise.all(mutes.map((server) => server.close())));
  const scope = await addScope(platform, {
    cidrs: ['127.78.4.64/27'],
    ports: mutes.map(({ port }) => port).join(),
  });
  const { id } = await createScan(platform, OPERATOR, {
    scope,
    targets: [],
    ports: undefined,
    rate: undefined,
    confirmWide: false,
  });
  const began = performance.now();
  await platform.drain();
  const seconds = (performance.now() - began) / 1000;
  const { state, counts } = toScan((await scanRow(platform.db, id))!);
  assert.deepEqual([state, counts.open, counts.bogus, counts.newHosts], ['done', 32 * 8, 31, 1]);
  const real = (await discovery.hostByAddress('127.78.4.77'))!;
  assert.ok((await discovery.endpoints({ hostId: real.id })).some(({ service }) => service === 'ssh'));
  assert.equal((await discovery.hosts()).length, 1);
  t.diagnostic(`${seconds.toFixed(1)} s for 256 open ports that say nothing`);
  assert.ok(seconds < 40, `${seconds} s`);
});
