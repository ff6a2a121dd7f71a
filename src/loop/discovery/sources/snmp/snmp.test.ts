import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceRecord } from '../contract.ts';
import { readAll } from '../testing/api.ts';
import { snmp } from './index.ts';

const skip = spawnSync('snmpd', ['-v']).error ? 'snmpd is not installed' : false;
const PORT = 20_000 + (process.pid % 20_000);
const COMMUNITY = 'for-tests-only';
const [A, B, C, D, PEER] = [1, 2, 3, 4, 5].map((last) => `127.74.161.${last}`) as [
  string,
  string,
  string,
  string,
  string,
];

const LLDP = '1.0.8802.1.1.2.1.4';
const dotted = (address: string): string => `1.4.${address}`;
/** A row of the LLDP tables, as a switch has it that hears its neighbour on this port. */
const lldp = (port: number, mac: string, name: string, address: string): string[] => [
  `override .${LLDP}.1.1.4.0.${port}.1 integer 4`,
  `override .${LLDP}.1.1.5.0.${port}.1 octet_str 0x${mac}`,
  `override .${LLDP}.1.1.8.0.${port}.1 octet_str "uplink ${port}"`,
  `override .${LLDP}.1.1.9.0.${port}.1 octet_str "${name}"`,
  `override .${LLDP}.1.1.10.0.${port}.1 octet_str "Switch OS 1"`,
  `override .${LLDP}.2.1.3.0.${port}.1.${dotted(address)} integer 2`,
];
const cdp = (address: string, name: string): string[] => [
  `override .1.3.6.1.4.1.9.9.23.1.2.1.1.4.7.1 octet_str 0x${address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')}`,
  `override .1.3.6.1.4.1.9.9.23.1.2.1.1.6.7.1 octet_str "${name}"`,
  'override .1.3.6.1.4.1.9.9.23.1.2.1.1.7.7.1 octet_str "Gi0/1"',
  'override .1.3.6.1.4.1.9.9.23.1.2.1.1.8.7.1 octet_str "cisco WS-C2960"',
];

/** The real agent, with tables that no machine of ours has. */
async function snmpd(t: TestContext, address: string, lines: string[]): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-snmpd-'));
  const config = [
    `rocommunity ${COMMUNITY} 127.0.0.0/8`,
    'createUser reader SHA-256 sign-with-this AES encrypt-with-this',
    'rouser reader priv',
    ...lines,
  ];
  writeFileSync(join(dir, 'snmpd.conf'), `${config.join('\n')}\n`);
  const argv = ['-f', '-Lo', '-C', '-c', join(dir, 'snmpd.conf'), `udp:${address}:${PORT}`];
  const env = { ...process.env, SNMP_PERSISTENT_DIR: dir, MIBS: '' };
  const agent = spawn('snmpd', argv, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let said = '';
  for (const stream of [agent.stdout, agent.stderr]) stream.setEncoding('utf8').on('data', (one) => (said += one));
  t.after(async () => {
    if (agent.exitCode === null && agent.kill()) await once(agent, 'exit');
    rmSync(dir, { recursive: true });
  });
  for (let tries = 0; !/NET-SNMP version/.test(said); tries++) {
    if (tries > 200 || agent.exitCode !== null) throw new Error(`snmpd did not come up: ${said}`);
    await sleep(50);
  }
  assert.doesNotMatch(said, /error/i);
}

const given = { seeds: A, port: String(PORT) };
const at = (records: SourceRecord[], address: string): SourceRecord | undefined =>
  records.find(({ addresses }) => addresses.includes(address));

test(
  '1.15: from a seed on, those next to a device are told of and asked, as far as the leash reaches',
  { skip },
  async (t) => {
    await snmpd(t, A, [
      'sysname core',
      ...lldp(3, '525400aa0002', 'access', B),
      ...cdp(C, 'old-switch'),
      `override .1.3.6.1.2.1.15.3.1.2.${PEER} integer 6`,
    ]);
    await snmpd(t, B, ['sysname access', ...lldp(9, '525400aa0004', 'cabinet', D)]);
    const asked: string[] = [];
    const allows = (address: string): boolean => {
      if (!asked.includes(address)) asked.push(address);
      return address !== C;
    };
    const { records, skipped } = await readAll(
      snmp,
      { ...given, hops: '1', follow: 'scopes' },
      { community: COMMUNITY },
      allows,
    );
    assert.deepEqual([at(records, A)?.name, at(records, B)?.name], ['core', 'access']);
    assert.match(at(records, B)?.guess ?? '', /^Linux /);
    assert.deepEqual(at(records, C), {
      id: C,
      addresses: [C],
      name: 'old-switch',
      guess: 'cisco WS-C2960',
      identifiers: [],
      evidence: { CDP: 'core, its port Gi0/1' },
    });
    assert.deepEqual(at(records, PEER)?.evidence, { BGP: 'core' });
    const far = at(records, D);
    assert.deepEqual(
      [far?.name, far?.identifiers, far?.evidence],
      ['cabinet', [{ kind: 'mac', value: '52:54:00:aa:00:04' }], { LLDP: 'access, its port uplink 9' }],
    );
    assert.ok(!asked.includes(D), 'it is two hops away');
    assert.ok(skipped.includes('device further away than 1 hops'));
    assert.ok(skipped.includes('neighbour that could not be asked by SNMP'), 'what is in no scope is not asked');
  },
);

test('1.15: SNMPv3 with signing and encryption, and what a wrong login is told', { skip }, async (t) => {
  await snmpd(t, A, ['sysname core']);
  const keys = { 'auth-key': 'sign-with-this', 'priv-key': 'encrypt-with-this' };
  const { records } = await readAll(snmp, { ...given, user: 'reader' }, keys, () => true);
  assert.equal(at(records, A)?.name, 'core');
  const refused = readAll(snmp, { ...given, user: 'reader' }, { ...keys, 'auth-key': 'sign-with-that' }, () => true);
  await assert.rejects(refused, new RegExp(`^Error: ${A} could not be asked by SNMP: `));
  await assert.rejects(
    readAll(snmp, given, { community: 'wrong' }, () => true),
    /it does not answer/,
  );
  await assert.rejects(
    readAll(snmp, given, { community: COMMUNITY }, () => false),
    /could not be asked by SNMP: .*scope/,
  );
});

test(
  '1.15: a community goes to the seeds, and to those next to them whom `follow` names, and to nobody else',
  { skip },
  async (t) => {
    await snmpd(t, A, [...lldp(3, '525400aa0002', 'access', B), ...lldp(4, '525400aa0003', 'other', C)]);
    await snmpd(t, B, ['sysname access']);
    const run = async (more: Record<string, string>) => {
      const asked = new Set<string>();
      const allows = (address: string): boolean => Boolean(asked.add(address));
      const { records, skipped } = await readAll(snmp, { ...given, ...more }, { community: COMMUNITY }, allows);
      const told = records
        .filter(({ evidence }) => evidence && 'LLDP' in evidence)
        .map(({ addresses }) => addresses[0]);
      const left = skipped.filter((why) => why.includes('`follow`')).length;
      return { asked: [...asked], told, left, isCut: skipped.some((why) => why.includes('beyond the first 1 of')) };
    };
    assert.deepEqual(await run({}), { asked: [A], told: [B, C], left: 2, isCut: false });
    // B answers for itself then.
    assert.deepEqual(await run({ follow: `${B}/32` }), { asked: [A, B], told: [C], left: 1, isCut: false });
    assert.deepEqual(await run({ 'most-neighbours': '1' }), { asked: [A], told: [B], left: 1, isCut: true });
    await assert.rejects(run({ follow: 'everybody' }), /follow is "everybody"/);
  },
);

test('1.15: settings that are none are refused by name', async () => {
  const of = (settings: Record<string, string>, secrets: Record<string, string> = {}) =>
    readAll(snmp, { ...given, ...settings }, secrets, () => false);
  await assert.rejects(of({}), /neither a community nor a user is given/);
  await assert.rejects(of({ seeds: 'router' }, { community: 'x' }), /"router" is no address/);
  await assert.rejects(of({ hops: '99' }, { community: 'x' }), /hops is "99"; it is a whole number from 0 to 16/);
  await assert.rejects(of({ user: 'x' }, { 'priv-key': 'long-enough' }), /auth-key is missing/);
});
