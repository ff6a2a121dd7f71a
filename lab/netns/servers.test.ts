import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Look } from '../../src/scan/look.ts';
import { PROBES } from '../../src/scan/probes/registry.ts';
import { lookInside } from './servers/inside.ts';
import { complaints, saidBy, type Truth } from './servers/judge.ts';
import type { LookResult } from './servers/look.ts';
import { addressOf, type Up, upServers } from './servers/start.ts';
import { SERVERS, truthsOf } from './servers/table.ts';
import { skip, TestLab } from './testing/lab.ts';

const lab = new TestLab('v');
let up: Up;
let seen: LookResult;
let truths: Truth[];

before(async () => {
  if (skip) return;
  up = await upServers(lab.place, SERVERS);
  truths = truthsOf(SERVERS, up.versions);
  seen = await lookInside(lab.place, truths);
});
after(async () => {
  if (!skip) await lab.lab('down');
});

const keyOf = (address: string, port: number, udp?: boolean): string => `${address}:${port}${udp ? '/udp' : ''}`;
const lookAt = ({ server, port, udp }: Truth): Look | undefined =>
  (udp ? seen.udp : seen.looks).find((look) => look.address === addressOf(server) && look.port === port);

test('every server of the table starts from its Debian package', { skip }, () => {
  assert.deepEqual([...up.failed], []);
  assert.ok(new Set(SERVERS.map((server) => server.package)).size >= 25);
});

test('a scan finds each of their ports and no other', { skip }, () => {
  const found = seen.looks.map(({ address, port }) => keyOf(address, port)).sort();
  const there = truths.filter(({ udp }) => !udp).map(({ server, port }) => keyOf(addressOf(server), port));
  assert.deepEqual(found, there.sort());
});

test('1.5: of each it says protocol, product, version, access and TLS as they are', { skip }, (t) => {
  const wrong: string[] = [];
  const right = new Set<string>();
  const known = new Set<string>(PROBES.map(({ protocol }) => protocol));
  for (const truth of truths) {
    const { server, port, udp, protocol } = truth;
    const look = lookAt(truth);
    const why = complaints(truth, look?.result ?? null);
    if (!udp && !known.has(protocol)) t.diagnostic(`${server.name}:${port}: there is no probe for ${protocol}`);
    else if (why.length > 0)
      wrong.push(
        `${server.name}:${port}${udp ? '/udp' : ''}: ${why.join('; ')} (${look?.error ?? JSON.stringify(saidBy(look?.result ?? null))})`,
      );
    else right.add(server.package);
  }
  assert.deepEqual(wrong, []);
  assert.ok(right.size >= 25, `${right.size} kinds of servers are right`);
});

test('behind STARTTLS the look at TLS is the one of a port of its own: versions, chain, Heartbleed', { skip }, () => {
  const behind = truths.filter(
    ({ tls, protocol }) => tls === 'starttls' && PROBES.some((probe) => probe.protocol === protocol),
  );
  assert.ok(behind.length >= 6, `${behind.length} ports`);
  for (const truth of behind) {
    const result = lookAt(truth)?.result;
    assert.ok(result && 'access' in result && result.tls, `${truth.server.name}:${truth.port} shows no TLS`);
    assert.ok(result.tls.versions.includes('TLSv1.2'), truth.server.name);
    assert.match(result.tls.chain[0]?.subject ?? '', /lab\.example/, truth.server.name);
    assert.equal(result.tls.heartbleed.verdict, 'safe', truth.server.name);
  }
});
