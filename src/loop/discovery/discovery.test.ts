import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Scope } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { createDiscovery, type Discovery } from './index.ts';
import { type Pki, selfSigned } from './probes/testing.ts';
import { createScan } from './scans.ts';
import { addScope, OPERATOR, sshServer, tlsServer } from './testing.ts';

let platform: TestPlatform;
let discovery: Discovery;
let pki: Pki;
let pem: { key: string; cert: string };

before(async () => {
  platform = await testPlatform();
  discovery = createDiscovery(platform);
  platform.handle(discovery.jobs);
  pki = selfSigned();
  pem = { key: readFileSync(pki.key, 'utf8'), cert: readFileSync(pki.certificate, 'utf8') };
});
after(async () => {
  pki.remove();
  await platform.close();
});

async function scan(scope: Scope): Promise<void> {
  await createScan(platform, OPERATOR, { scope, targets: [], ports: undefined, rate: undefined, confirmWide: false });
  await platform.drain();
}

test('1.2: a scan finds hosts nobody listed, and what they serve, without credentials', async (t) => {
  const ssh = await sshServer('127.71.0.5');
  const tls = await tlsServer('127.71.0.5', pem);
  const other = await tlsServer('127.71.0.9', pem, tls.port);
  t.after(() => Promise.all([ssh.close(), tls.close(), other.close()]));
  const scope = await addScope(platform, { cidrs: ['127.71.0.0/28'], ports: `${ssh.port},${tls.port}` });
  await scan(scope);
  const hosts = await discovery.hosts();
  assert.deepEqual(hosts.map((host) => host.addresses).sort(), [['127.71.0.5'], ['127.71.0.9']]);
  const found = await discovery.hostByAddress('127.71.0.5');
  assert.equal(found?.claim, 'unknown');
  assert.deepEqual(found?.sources, ['scan']);
  assert.match(found?.guess ?? '', /serves ssh, tls/);
  const endpoints = await discovery.endpoints({ hostId: found!.id });
  assert.deepEqual(endpoints.map((endpoint) => endpoint.service).sort(), ['ssh', 'tls']);
  assert.equal(ssh.tried, 0);
});
