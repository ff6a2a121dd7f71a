import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { must } from './command.ts';
import { netnsPath } from './place.ts';
import type { StrangersInput, StrangersResult } from './strangers/main.ts';
import { skip, TestLab } from './testing/lab.ts';
import { keyPath } from './up.ts';

const lab = new TestLab('s');
const dir = mkdtempSync(join(tmpdir(), 'lastember-strangers-'));
// Started by root, the embedded PostgreSQL runs as another user, who must be able to pass through.
chmodSync(dir, 0o755);
let result: StrangersResult;

before(async () => {
  if (skip) return;
  await lab.lab('up', '--only', 'bastion1,hidden1');
  const input: StrangersInput = { dir, keyFile: keyPath(lab.place) };
  const net = `--net=${netnsPath(lab.place.name)}`;
  const script = join(import.meta.dirname, 'strangers/main.ts');
  result = JSON.parse(
    await must(['nsenter', net, process.execPath, script, JSON.stringify(input)], { env: lab.env }),
  ) as StrangersResult;
});
after(async () => {
  if (!skip) await lab.lab('down');
  rmSync(dir, { recursive: true, force: true });
});

test('1.14: the agent on the bastion finds the host behind it, which the server cannot reach', { skip }, async () => {
  assert.equal(result.scanned, 0, 'the server itself sees nothing there');
  const { host, endpoints, why } = result.hidden;
  assert.deepEqual([host.claim, host.management], ['unknown', 'unmanaged']);
  // A look at the bastion in the middle of it tells of its neighbours, too.
  assert.deepEqual(
    host.sources.filter((source) => source !== 'peer'),
    ['agent-scan'],
  );
  assert.match(host.guess ?? '', /Debian 12 server; serves ssh/);
  assert.ok(why.some((one) => /seen by the agent on bastion1 in its own subnet/.test(one.why)));
  assert.deepEqual(
    endpoints.map(({ port, service, state }) => [port, service, state]),
    [[22, 'ssh', 'open']],
  );
  const { stdout } = await lab.exec(
    'hidden1',
    'sh',
    '-c',
    'for k in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $k; done',
  );
  const keys = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[1]!);
  assert.deepEqual(
    host.identifiers
      .filter(({ kind }) => kind === 'ssh-host-key')
      .map(({ value }) => value)
      .sort(),
    keys.sort(),
  );
  const mac = (await lab.exec('hidden1', 'cat', '/sys/class/net/eth0/address')).stdout.trim();
  assert.ok(host.identifiers.some(({ kind, value }) => kind === 'mac' && value === mac));
});

test('1.14: it looks only where a scope lets it, and who looked where is told and on the trail', { skip }, () => {
  assert.deepEqual(
    result.patrols.map(({ block, scope, state, hostName }) => [block, scope, state, hostName]),
    [['10.61.1.0/24', 'behind', 'done', 'bastion1']],
  );
  const { counts } = result.patrols[0]!;
  assert.deepEqual([counts.addresses, counts.asked, counts.answered], [254, 254, 1]);
  // One that a look told of before is no stranger any more.
  const knownBefore = result.hidden.host.sources.includes('peer');
  assert.ok(counts.strangers === 1 || (knownBefore && counts.strangers === 0), `${counts.strangers} strangers`);
  // On its other segment, where the scope does not let agents look, it has looked at nobody.
  const told = result.hosts.filter(({ sources }) => sources.includes('agent-scan'));
  assert.deepEqual(
    told.map(({ addresses }) => addresses),
    [['10.61.1.21']],
  );
  assert.match(result.shown, /10\.61\.1\.0\/24\s+bastion1 of 1, last/);
  assert.match(result.listed, /bastion1.*10\.61\.1\.0\/24.*done/);
  for (const type of ['discovery.scope.changed', 'discovery.patrol.finished', 'discovery.host.found'])
    assert.ok(result.trail.types.includes(type), type);
  assert.equal(result.trail.code, 0);
});
