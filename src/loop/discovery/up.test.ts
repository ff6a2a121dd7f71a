import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Scan } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { countOffline } from './results.ts';
import { createScan } from './scans.ts';
import { scanRow, toScan } from './store-scans.ts';
import { addScope, OPERATOR } from './testing/index.ts';

const WORKER = join(import.meta.dirname, 'testing/scan-worker.ts');
const US = `lu${process.pid}a`;
const PINGED = `lu${process.pid}b`;
const MUTE = `lu${process.pid}c`;
const hasIp = spawnSync('ip', ['-V']).error === undefined;
const skip = process.getuid?.() === 0 && hasIp ? false : 'only root makes networks, with iproute2';

let platform: TestPlatform;
let discovery: Discovery;
before(async () => {
  if (skip) return;
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  // 7: two addresses of one machine that answers pings; 8: one that answers ARP only; 9: something answers for all of it.
  for (const name of [US, PINGED, MUTE]) ip(`netns add ${name}`);
  ip(`-n ${US} link set lo up`);
  for (const [there, net] of [
    [PINGED, 7],
    [MUTE, 8],
  ] as const) {
    ip(`-n ${US} link add v${net} type veth peer name v0 netns ${there}`);
    ip(`-n ${US} address add 10.99.${net}.1/24 dev v${net}`);
    ip(`-n ${US} link set v${net} up`);
    ip(`-n ${there} link set v0 up`);
    ip(`-n ${there} link set lo up`);
    ip(`-n ${there} address add 10.99.${net}.10/24 dev v0`);
  }
  ip(`-n ${PINGED} address add 10.99.7.11/24 dev v0`);
  ip(`-n ${PINGED} route add local 10.99.9.0/24 dev lo`);
  ip(`-n ${US} route add 10.99.9.0/24 via 10.99.7.10`);
  ip(`netns exec ${MUTE} sysctl -q -w net.ipv4.icmp_echo_ignore_all=1`);
});
after(async () => {
  if (skip) return;
  for (const name of [US, PINGED, MUTE]) spawnSync('ip', ['netns', 'del', name]);
  await platform.close();
});

function ip(words: string): void {
  const { status, stderr } = spawnSync('ip', words.split(' '), { encoding: 'utf8' });
  assert.equal(status, 0, `ip ${words}: ${stderr}`);
}

test(
  '1.11: who answers pings or ARP is up without an open port; what answers for a whole subnet is nobody',
  { skip },
  async () => {
    const scope = await addScope(platform, {
      cidrs: ['10.99.7.10/31', '10.99.8.10', '10.99.9.0/28'],
      exclude: ['10.99.7.11'],
      ports: '9',
    });
    const scan = async (): Promise<Scan> => {
      const request = { scope, targets: [], ports: undefined, rate: undefined, confirmWide: false };
      const { id } = await createScan(platform, OPERATOR, request);
      const argument = JSON.stringify([platform.config, platform.urls.app, id]);
      const ran = spawnSync('ip', ['netns', 'exec', US, process.execPath, WORKER, argument], { encoding: 'utf8' });
      assert.equal(ran.status, 0, ran.stderr);
      return toScan((await scanRow(platform.db, id))!);
    };
    const first = await scan();
    assert.match(first.pathWhy ?? '', /asked by ICMP, through/);
    assert.deepEqual([first.state, first.counts.open, first.counts.newHosts, first.counts.bogus], ['done', 0, 2, 16]);
    const hosts = await discovery.hosts();
    assert.deepEqual(hosts.map(({ name, guess, sources }) => [name, guess?.replace(/^.*; /, ''), sources]).sort(), [
      ['10.99.7.10', 'answers a ping, no open port seen', ['scan']],
      ['10.99.8.10', 'answers ARP, no open port seen', ['scan']],
    ]);
    assert.deepEqual(await discovery.endpoints(), []);
    // Where nobody is asked by ICMP, silence says nothing about them.
    const later = { since: new Date(Date.now() + 3600_000), ports: [9], inScan: () => true };
    const offline = (pinged: boolean) => platform.observe(OPERATOR, (tx) => countOffline(tx, { ...later, pinged }));
    assert.deepEqual([await offline(false), await offline(true)], [0, 2]);
  },
);
