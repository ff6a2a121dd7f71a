import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ansible } from './ansible.ts';
import type { PushedSource, SourceRecord } from './contract.ts';
import { dhcp } from './dhcp.ts';
import { knownHosts } from './known-hosts.ts';
import { libvirt } from './libvirt.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const soon = String(NOW.getTime() / 1000 + 600);
const past = String(NOW.getTime() / 1000 - 1);

function parse(
  source: PushedSource,
  text: string,
  settings: Record<string, string> = {},
): { records: SourceRecord[]; skipped: string[] } {
  const skipped: string[] = [];
  return { records: source.parse(text, { settings, now: NOW, skip: (why) => void skipped.push(why) }), skipped };
}

test('1.16: dnsmasq: leases of both families, without names and without end', () => {
  const { records, skipped } = parse(
    dhcp,
    `${soon} 52:54:00:aa:bb:01 10.0.0.21 printer 01:52:54:00:aa:bb:01\n0 52:54:00:aa:bb:02 10.0.0.22 * *\n${past} 52:54:00:aa:bb:03 10.0.0.23 gone *\nduid 00:01:00:01:2b\n${soon} 4711 2001:db8::21 printer 00:01:00:01\n`,
  );
  assert.deepEqual(
    records.map(({ addresses, name }) => [addresses[0], name]),
    [
      ['10.0.0.21', 'printer'],
      ['10.0.0.22', undefined],
      ['2001:db8::21', 'printer'],
    ],
  );
  assert.deepEqual(records[0]?.identifiers, [{ kind: 'mac', value: '52:54:00:aa:bb:01' }]);
  assert.deepEqual(skipped, ['lease that has ended']);
});

test('1.16: ISC dhcpd: the last entry of an address counts', () => {
  const lease = (ip: string, ends: string, state: string, rest = '') =>
    `lease ${ip} {\n  starts 0 2026/03/01 11:00:00;\n  ends ${ends};\n  binding state ${state};\n  next binding state free;\n  hardware ethernet 52:54:00:aa:bb:0a;\n${rest}}\n`;
  const text = [
    '# The format of this file is documented in the dhcpd.leases(5) manual page.\nauthoring-byte-order little-endian;\n',
    lease('10.0.0.31', '0 2026/03/01 13:00:00', 'active', '  client-hostname "cam";\n  uid "\\001RT";\n'),
    lease('10.0.0.32', '0 2026/03/01 13:00:00', 'active'),
    lease('10.0.0.32', '0 2026/03/01 11:30:00', 'free'),
    lease('10.0.0.33', 'never', 'active'),
    lease('10.0.0.34', `epoch ${soon}`, 'active'),
    lease('10.0.0.35', '0 2026/03/01 11:59:59', 'active'),
  ].join('');
  const { records, skipped } = parse(dhcp, text);
  assert.deepEqual(
    records.map(({ addresses, name }) => [addresses[0], name]),
    [
      ['10.0.0.31', 'cam'],
      ['10.0.0.33', undefined],
      ['10.0.0.34', undefined],
    ],
  );
  assert.equal(skipped.length, 2);
});

test('1.16: Kea’s lease file: released and expired leases are none', () => {
  const head =
    'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id';
  const rows = [
    `10.0.0.41,52:54:00:aa:bb:11,,3600,${soon},1,0,0,pc41,0,,0`,
    `10.0.0.42,52:54:00:aa:bb:12,,3600,${soon},1,0,0,pc42,0,,0`,
    `10.0.0.42,52:54:00:aa:bb:12,,0,${soon},1,0,0,pc42,0,,0`,
    `10.0.0.43,52:54:00:aa:bb:13,,3600,${past},1,0,0,,0,,0`,
    `10.0.0.44,52:54:00:aa:bb:14,,3600,${soon},1,0,0,,2,,0`,
  ];
  const { records, skipped } = parse(dhcp, `${[head, ...rows].join('\n')}\n`);
  assert.deepEqual(
    records.map(({ addresses }) => addresses[0]),
    ['10.0.0.41'],
  );
  assert.equal(skipped.length, 3);
});

test('a file that is no lease file is refused, and says what it should be', () => {
  assert.throws(() => parse(dhcp, 'hello\n'), /no lease file of dnsmasq, ISC dhcpd or Kea/);
  assert.throws(() => parse(dhcp, 'hello\n', { format: 'dnsmasq' }), /line 1 is no lease/);
  assert.throws(() => parse(dhcp, '', { format: 'infoblox' }), /not known/);
  assert.deepEqual(parse(dhcp, '').records, []);
});

test('a lease file of blank lines takes no longer than its length', () => {
  const took = (lines: number): number => {
    const began = performance.now();
    assert.throws(() => parse(dhcp, `x\n${'\n'.repeat(lines)}`), /no lease file/);
    return performance.now() - began;
  };
  took(20_000);
  assert.ok(took(400_000) < 1000, 'it grew with the square');
});

test('known_hosts: addresses, ports and names; hashed ones, patterns and revoked keys are counted', () => {
  const at = mkdtempSync(join(tmpdir(), 'lastember-known-'));
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(at, 'key')]);
    const [type, key] = readFileSync(join(at, 'key.pub'), 'utf8').split(' ') as [string, string];
    const fingerprint = execFileSync('ssh-keygen', ['-lf', join(at, 'key.pub')], { encoding: 'utf8' }).split(' ')[1];
    writeFileSync(join(at, 'known'), `secret.example.org ${type} ${key}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', join(at, 'known')], { stdio: 'ignore' });
    const text = [
      '# comment',
      `bastion.example.org,192.0.2.9 ${type} ${key} root@bastion`,
      `[192.0.2.10]:2222 ${type} ${key}`,
      `@revoked 192.0.2.11 ${type} ${key}`,
      `*.example.org ${type} ${key}`,
      readFileSync(join(at, 'known'), 'utf8').trim(),
    ].join('\n');
    const { records, skipped } = parse(knownHosts, text);
    assert.deepEqual(
      records.map(({ addresses, resolve }) => addresses[0] ?? resolve?.[0]),
      ['bastion.example.org', '192.0.2.9', '192.0.2.10'],
    );
    assert.equal(records[0]?.evidence?.[type], fingerprint);
    assert.deepEqual(records[0]?.identifiers, undefined);
    assert.deepEqual(skipped.toSorted(), ['key that is revoked', 'name that is hashed', 'pattern instead of a name']);
    assert.throws(() => parse(knownHosts, 'one two'), /line 1 is no line of known_hosts/);
  } finally {
    rmSync(at, { recursive: true });
  }
});

test('Ansible: groups become tags; secrets in variables are never kept', () => {
  const inventory = {
    _meta: {
      hostvars: {
        web1: { ansible_host: '192.0.2.21', ansible_password: 'hunter2' },
        'db1.example.org': {},
        tpl: { ansible_host: '{{ lookup("x") }}' },
      },
    },
    all: { children: ['ungrouped', 'web'] },
    ungrouped: { hosts: ['db1.example.org', 'tpl'] },
    web: { hosts: ['web1', '192.0.2.22'] },
  };
  const { records } = parse(ansible, JSON.stringify(inventory));
  assert.deepEqual(
    records.map(({ id, addresses, resolve, tags }) => ({ id, addresses, resolve, tags })),
    [
      { id: 'web1', addresses: ['192.0.2.21'], resolve: undefined, tags: { 'group.web': 'yes' } },
      { id: 'db1.example.org', addresses: [], resolve: ['db1.example.org'], tags: {} },
      { id: 'tpl', addresses: [], resolve: ['tpl'], tags: {} },
      { id: '192.0.2.22', addresses: ['192.0.2.22'], resolve: undefined, tags: { 'group.web': 'yes' } },
    ],
  );
  assert.ok(!JSON.stringify(records).includes('hunter2'));
  assert.throws(() => parse(ansible, '[web]\nweb1'), /ansible-inventory --list/);
});

test('what ansible-inventory really prints', (t) => {
  try {
    execFileSync('ansible-inventory', ['--version'], { stdio: 'ignore' });
  } catch {
    t.skip('ansible-inventory is not installed');
    return;
  }
  const at = mkdtempSync(join(tmpdir(), 'lastember-inventory-'));
  try {
    writeFileSync(
      join(at, 'hosts.ini'),
      '[web]\nweb[1:2].example.org ansible_host=192.0.2.3\n[web:vars]\nansible_user=root\n',
    );
    const text = execFileSync('ansible-inventory', ['-i', join(at, 'hosts.ini'), '--list'], { encoding: 'utf8' });
    assert.deepEqual(
      parse(ansible, text).records.map(({ id, addresses }) => [id, addresses]),
      [
        ['web1.example.org', ['192.0.2.3']],
        ['web2.example.org', ['192.0.2.3']],
      ],
    );
  } finally {
    rmSync(at, { recursive: true });
  }
});

test('libvirt: guests of a network, an empty file, and something else', () => {
  const text = JSON.stringify([
    {
      'ip-address': '192.168.122.10',
      'mac-address': '52:54:00:00:00:10',
      hostname: 'guest',
      'expiry-time': Number(soon),
    },
    { 'ip-address': '192.168.122.11', 'mac-address': '52:54:00:00:00:11', 'expiry-time': Number(past) },
  ]);
  const { records, skipped } = parse(libvirt, text);
  assert.deepEqual(
    records.map(({ name, addresses }) => [name, addresses]),
    [['guest', ['192.168.122.10']]],
  );
  assert.equal(skipped.length, 1);
  assert.deepEqual(parse(libvirt, '\n').records, []);
  assert.throws(() => parse(libvirt, '{}'), /no lease file of libvirt/);
});
