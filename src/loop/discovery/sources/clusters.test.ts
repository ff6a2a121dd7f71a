import assert from 'node:assert/strict';
import { test } from 'node:test';
import { docker } from './docker.ts';
import { kea } from './kea.ts';
import { kubernetes } from './kubernetes.ts';
import { netbox } from './netbox.ts';
import { proxmox } from './proxmox.ts';
import { certificateLog } from './certificate-log.ts';
import { api, readAll } from './testing/api.ts';
import { vsphere } from './vsphere.ts';

test('NetBox: devices and virtual machines with all that its IPAM assigns to them', async (t) => {
  const { url, close } = await api(({ headers, url: { pathname, searchParams } }) => {
    if (headers.authorization !== 'Token abc') return { status: 403, body: { detail: 'Invalid token' } };
    const page = (results: unknown[], next: string | null = null) => ({
      body: { count: 9, next, previous: null, results },
    });
    if (pathname === '/api/ipam/ip-addresses/')
      return searchParams.get('offset') === '2'
        ? page([
            {
              id: 3,
              address: '2001:db8::7/64',
              dns_name: '',
              assigned_object: { id: 1, virtual_machine: { id: 5, name: 'vm5' } },
            },
          ])
        : page(
            [
              {
                id: 1,
                address: '10.2.0.7/24',
                dns_name: 'db7.example.org',
                assigned_object: { id: 9, device: { id: 7, name: 'db7' } },
              },
              { id: 2, address: '10.2.0.99/24', dns_name: '', assigned_object: null },
            ],
            `${url}/api/ipam/ip-addresses/?limit=2&offset=2`,
          );
    if (pathname === '/api/dcim/devices/')
      return page([
        {
          id: 7,
          name: 'db7',
          status: { value: 'active', label: 'Active' },
          tenant: { name: 'Billing' },
          site: { slug: 'fra1' },
          role: { name: 'Database', slug: 'database' },
          platform: { name: 'Debian 12', slug: 'debian-12' },
        },
      ]);
    if (pathname === '/api/virtualization/virtual-machines/')
      return page([
        { id: 5, name: 'vm5', status: { value: 'offline' }, tenant: null, site: null, role: null, platform: null },
      ]);
    return undefined;
  });
  t.after(close);
  const { records, skipped } = await readAll(netbox, { url }, { token: 'abc' });
  assert.deepEqual(records, [
    {
      id: 'device/7',
      name: 'db7',
      addresses: ['10.2.0.7'],
      owner: 'Billing',
      guess: 'Database, Debian 12',
      tags: { site: 'fra1', role: 'database', 'netbox-status': 'active' },
    },
    {
      id: 'virtual-machine/5',
      name: 'vm5',
      addresses: ['2001:db8::7'],
      owner: undefined,
      guess: undefined,
      tags: { 'netbox-status': 'offline' },
    },
  ]);
  assert.deepEqual(skipped, ['address that NetBox assigns to no machine']);
});

test('Proxmox VE: running guests; one without a guest agent does not hide the rest', async (t) => {
  const { url, close } = await api(({ headers, url: { pathname } }) => {
    if (headers.authorization !== 'PVEAPIToken=audit@pve!lastember=1234') return { status: 401, body: '' };
    if (pathname === '/api2/json/cluster/resources')
      return {
        body: {
          data: [
            { vmid: 100, name: 'web', node: 'pve1', type: 'qemu', status: 'running', tags: 'prod;web', template: 0 },
            { vmid: 101, name: 'mute', node: 'pve1', type: 'qemu', status: 'running', template: 0 },
            { vmid: 102, name: 'gold', node: 'pve1', type: 'qemu', status: 'stopped', template: 1 },
            { vmid: 200, name: 'cache', node: 'pve2', type: 'lxc', status: 'running', template: 0 },
          ],
        },
      };
    if (pathname === '/api2/json/nodes/pve1/qemu/100/agent/network-get-interfaces')
      return {
        body: {
          data: {
            result: [
              {
                name: 'lo',
                'hardware-address': '00:00:00:00:00:00',
                'ip-addresses': [{ 'ip-address': '127.0.0.1', prefix: 8 }],
              },
              {
                name: 'ens18',
                'hardware-address': 'BC:24:11:00:00:01',
                'ip-addresses': [{ 'ip-address': '10.3.0.100', prefix: 24 }],
              },
            ],
          },
        },
      };
    if (pathname === '/api2/json/nodes/pve1/qemu/101/agent/network-get-interfaces')
      return { status: 500, body: { data: null, message: 'QEMU guest agent is not running' } };
    if (pathname === '/api2/json/nodes/pve2/lxc/200/interfaces')
      return {
        body: { data: [{ name: 'eth0', hwaddr: 'bc:24:11:00:00:02', inet: '10.3.0.200/24', inet6: 'fe80::1/64' }] },
      };
    return undefined;
  });
  t.after(close);
  const { records, skipped } = await readAll(proxmox, { url, 'token-id': 'audit@pve!lastember' }, { token: '1234' });
  assert.deepEqual(
    records.map(({ id, addresses }) => [id, addresses]),
    [
      ['qemu/100', ['127.0.0.1', '10.3.0.100']],
      ['qemu/101', []],
      ['lxc/200', ['10.3.0.200', 'fe80::1']],
    ],
  );
  assert.deepEqual(records[0]?.identifiers, [{ kind: 'mac', value: 'bc:24:11:00:00:01' }]);
  assert.deepEqual(records[0]?.tags, { prod: 'yes', web: 'yes' });
  assert.deepEqual(skipped.toSorted(), ['template', 'virtual machine without a guest agent that answers']);
});

test('vSphere: logs in, reads, and logs out again also when reading breaks', async (t) => {
  let isBroken = false;
  const { url, asked, close } = await api(({ method, headers, url: { pathname } }) => {
    if (pathname === '/api/session' && method === 'POST')
      return headers.authorization === `Basic ${Buffer.from('ro:pw').toString('base64')}`
        ? { status: 201, body: '"sid"' }
        : { status: 401, body: { error_type: 'UNAUTHENTICATED' } };
    if (headers['vmware-api-session-id'] !== 'sid') return { status: 401, body: {} };
    if (pathname === '/api/session') return { status: 204, body: '' };
    if (pathname === '/api/vcenter/vm')
      return isBroken
        ? { status: 500, body: { error_type: 'INTERNAL_SERVER_ERROR' } }
        : {
            body: [
              { vm: 'vm-1', name: 'mail', power_state: 'POWERED_ON', cpu_count: 1 },
              { vm: 'vm-2', name: 'old', power_state: 'POWERED_OFF' },
              { vm: 'vm-3', name: 'mute', power_state: 'POWERED_ON' },
            ],
          };
    if (pathname === '/api/vcenter/vm/vm-1/guest/networking/interfaces')
      return {
        body: [
          {
            mac_address: '00:50:56:93:9b:e1',
            nic: '4000',
            ip: { ip_addresses: [{ ip_address: '10.4.0.1', prefix_length: 24, state: 'PREFERRED' }] },
          },
        ],
      };
    if (pathname === '/api/vcenter/vm/vm-1/guest/identity')
      return {
        body: {
          host_name: 'mail.example.org',
          family: 'LINUX',
          full_name: { default_message: 'Debian GNU/Linux 12 (64-bit)', id: 'x', args: [] },
        },
      };
    return { status: 503, body: { error_type: 'SERVICE_UNAVAILABLE' } };
  });
  t.after(close);
  const { records, skipped } = await readAll(vsphere, { url, user: 'ro' }, { password: 'pw' });
  assert.deepEqual(
    records.map(({ name, addresses }) => [name, addresses]),
    [
      ['mail.example.org', ['10.4.0.1']],
      ['mute', []],
    ],
  );
  assert.equal(records[0]?.guess, 'Debian GNU/Linux 12 (64-bit)');
  assert.deepEqual(skipped.toSorted(), [
    'virtual machine that is off',
    'virtual machine without VMware Tools that answer',
  ]);
  assert.equal(asked.at(-1)?.method, 'DELETE');
  isBroken = true;
  await assert.rejects(readAll(vsphere, { url, user: 'ro' }, { password: 'pw' }), /answered 500/);
  assert.equal(asked.at(-1)?.method, 'DELETE');
});

test('Kubernetes: nodes with their machine-id, page by page', async (t) => {
  const node = (name: string, ip: string, machineID: string) => ({
    metadata: {
      name,
      uid: `uid-${name}`,
      labels: { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/os': 'linux' },
    },
    status: {
      addresses: [
        { type: 'InternalIP', address: ip },
        { type: 'Hostname', address: name },
      ],
      nodeInfo: { machineID, osImage: 'Debian GNU/Linux 12 (bookworm)', kubeletVersion: 'v1.31.0' },
    },
  });
  const { url, close } = await api(({ headers, url: { searchParams } }) => {
    if (headers.authorization !== 'Bearer k') return { status: 401, body: { kind: 'Status', message: 'Unauthorized' } };
    return searchParams.get('continue') === 'c1'
      ? { body: { kind: 'NodeList', metadata: {}, items: [node('n2', '10.5.0.2', '')] } }
      : {
          body: {
            kind: 'NodeList',
            metadata: { continue: 'c1' },
            items: [node('n1', '10.5.0.1', '9a8b7c6d-0000-4000-8000-00000000ABCD')],
          },
        };
  });
  t.after(close);
  const { records } = await readAll(kubernetes, { url }, { token: 'k' });
  assert.deepEqual(
    records.map(({ name, addresses, identifiers }) => [name, addresses, identifiers]),
    [
      ['n1', ['10.5.0.1'], [{ kind: 'machine-id', value: '9a8b7c6d00004000800000000000abcd' }]],
      ['n2', ['10.5.0.2'], []],
    ],
  );
});

test('Docker: containers with an address of their own; those behind a bridge are not machines', async (t) => {
  const container = (id: string, network: string, ip: string) => ({
    Id: id,
    Names: [`/${id}`],
    Image: 'nginx:1.27',
    NetworkSettings: {
      Networks: { any: { NetworkID: network, IPAddress: ip, GlobalIPv6Address: '', MacAddress: '02:42:0a:06:00:02' } },
    },
  });
  const { url, close } = await api(({ url: { pathname } }) => {
    if (pathname === '/networks')
      return {
        body: [
          { Id: 'b', Name: 'bridge', Driver: 'bridge' },
          { Id: 'm', Name: 'lan', Driver: 'macvlan' },
          { Id: 'r', Name: 'routed', Driver: 'bridge' },
        ],
      };
    if (pathname === '/containers/json')
      return {
        body: [container('a', 'b', '172.17.0.2'), container('c', 'm', '10.6.0.2'), container('d', 'r', '10.7.0.2')],
      };
    return undefined;
  });
  t.after(close);
  const { records, skipped } = await readAll(docker, { url });
  assert.deepEqual(
    records.map(({ name, addresses }) => [name, addresses]),
    [['c', ['10.6.0.2']]],
  );
  assert.equal(skipped.length, 2);
  assert.equal((await readAll(docker, { url, networks: 'routed' })).records.length, 2);
  await assert.rejects(readAll(docker, {}), /either a socket or a url/);
});

test('Kea: leases that are given out, page by page; a missing hook is named', async (t) => {
  const lease = (n: number, rest = {}) => ({
    'ip-address': `10.8.${n >> 8}.${n & 255}`,
    'hw-address': '08:00:2b:02:3f:4e',
    hostname: `pc${n}.example.org.`,
    state: 0,
    cltt: Date.parse('2026-03-01T11:30:00Z') / 1000,
    'valid-lft': 3600,
    ...rest,
  });
  let hasHook = true;
  const { url, asked, close } = await api(({ body }) => {
    const {
      command,
      arguments: { from },
    } = JSON.parse(body);
    assert.equal(command, 'lease4-get-page');
    if (!hasHook) return { body: [{ result: 2, text: "'lease4-get-page' command not supported." }] };
    const all = Array.from({ length: 1002 }, (_, n) =>
      lease(n + 1, n === 1000 ? { cltt: 0 } : n === 1001 ? { state: 1 } : {}),
    );
    const begin = from === 'start' ? 0 : all.findIndex((one) => one['ip-address'] === from) + 1;
    return { body: [{ result: 0, text: 'found', arguments: { leases: all.slice(begin, begin + 1000), count: 1000 } }] };
  });
  t.after(close);
  const { records, skipped } = await readAll(kea, { url });
  assert.equal(records.length, 1000);
  assert.deepEqual(records[0], {
    id: '08:00:2b:02:3f:4e',
    name: 'pc1.example.org',
    addresses: ['10.8.0.1'],
    identifiers: [{ kind: 'mac', value: '08:00:2b:02:3f:4e' }],
  });
  assert.equal(skipped.length, 2);
  assert.equal(asked.length, 2);
  hasHook = false;
  await assert.rejects(readAll(kea, { url }), /load the hook libdhcp_lease_cmds/);
});

test('1.16: certificate transparency: each name once, ours alone', async (t) => {
  const { url, asked, close } = await api(() => ({
    body: [
      {
        issuer_name: 'C=US, O=Authority',
        name_value: 'www.example.org\nexample.org',
        common_name: 'www.example.org',
        serial_number: '04A57C1CFEB35D3D20B7A0A6CE7D5AFC6A2C',
        not_before: '2026-01-05T07:28:49',
      },
      {
        issuer_name: 'C=US, O=Authority',
        name_value: '*.example.org\nWWW.example.org\nadmin@example.org\nexample.org.evil.test',
      },
    ],
  }));
  t.after(close);
  const { records, skipped } = await readAll(certificateLog, { url, domains: 'example.org' });
  assert.deepEqual(
    records.map(({ resolve }) => resolve),
    [['www.example.org'], ['example.org']],
  );
  assert.equal(records[0]!.evidence!['serials'], '4a57c1cfeb35d3d20b7a0a6ce7d5afc6a2c');
  assert.deepEqual(skipped, ['name with an asterisk']);
  assert.equal(asked[0]?.url.searchParams.get('q'), '%.example.org');
});
