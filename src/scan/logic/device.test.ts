import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProbeResult, ServiceProbe } from '../../model/probe.ts';
import { type DeviceEvidence, guessDevice, guessOf } from './device.ts';

const ssh = (banner: string) => ({ protocol: 'ssh', banner, hostKeys: [], algorithms: {} }) as unknown as ProbeResult;
const at = (port: number, probe: ProbeResult | null, transport: 'tcp' | 'udp' = 'tcp') => ({ port, transport, probe });
const service = (protocol: ServiceProbe['protocol'], more: Partial<ServiceProbe> = {}): ServiceProbe => ({
  protocol,
  access: 'open',
  what: 'it answered',
  details: {},
  ...more,
});
const DEBIAN = at(22, ssh('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3'));
const guess = (endpoints: DeviceEvidence['endpoints'], more: Partial<DeviceEvidence> = {}) =>
  guessDevice({ endpoints, ...more });

test('1.2: what a machine is, with a confidence and every reason', () => {
  const { class: kind, system, reasons } = guess([DEBIAN, at(5432, service('postgresql'))]);
  assert.deepEqual(system, { value: 'Debian 12', confidence: 0.9 });
  assert.equal(kind?.value, 'server');
  assert.ok(kind.confidence > 0.7 && kind.confidence < 0.95, `${kind.confidence}`);
  assert.deepEqual(
    reasons.map(({ about, value, weight }) => [about, value, weight]),
    [
      ['system', 'Debian 12', 0.9],
      ['class', 'server', 0.6],
      ['class', 'server', 0.5],
    ],
  );
  for (const { why } of reasons) assert.match(why, /^it/);
});

const KINDS: readonly [string, DeviceEvidence][] = [
  [
    'printer',
    { endpoints: [at(9100, null), at(161, service('snmp', { details: { description: 'HP LaserJet 400' } }), 'udp')] },
  ],
  ['network device', { endpoints: [at(22, ssh('SSH-2.0-Cisco-1.25'))] }],
  [
    'storage',
    {
      endpoints: [at(5000, service('http', { details: { title: 'Synology DiskStation' } }))],
      macs: ['00:11:32:00:00:01'],
    },
  ],
  ['hypervisor', { endpoints: [at(443, service('http', { details: { title: 'VMware ESXi' } })), at(902, null)] }],
  ['camera', { endpoints: [at(554, null)], macs: ['AC-CC-8E-01-02-03'] }],
  ['phone', { endpoints: [at(5060, null)], macs: ['00:15:65:01:02:03'] }],
  ['management controller', { endpoints: [at(623, service('ipmi'), 'udp')] }],
  ['workstation', { endpoints: [at(3389, service('rdp'))] }],
];

test('1.2: printers, switches, storage and the rest are told from servers', () => {
  for (const [kind, evidence] of KINDS) {
    const { class: is } = guessDevice(evidence);
    assert.equal(is?.value, kind);
    assert.ok(is.confidence >= 0.5, `${kind} ${is.confidence}`);
  }
});

test('what contradicts lowers the confidence, and what is measured overrides it', () => {
  const clear = guess([at(3389, service('rdp'))]).system!;
  const torn = guess([at(3389, service('rdp')), DEBIAN]).system!;
  assert.deepEqual([clear.value, clear.confidence], ['Windows', 0.9]);
  assert.ok(torn.confidence <= 0.5, `${torn.confidence}`);
  const measured = guess([at(3389, service('rdp'))], { system: 'Debian GNU/Linux 12 (bookworm)' });
  assert.deepEqual(measured.system, { value: 'Debian GNU/Linux 12 (bookworm)', confidence: 1 });
  assert.equal(
    measured.reasons.some(({ value }) => value === 'Windows'),
    true,
    'the signs stay visible',
  );
});

test('xrdp and Samba are no Windows; nothing seen is nothing said', () => {
  const linux = guess([
    DEBIAN,
    at(3389, service('rdp', { product: 'xrdp' })),
    at(445, service('smb', { product: 'Samba' })),
  ]);
  assert.equal(linux.system?.value, 'Debian 12');
  assert.deepEqual(guess([at(4444, null)]), { class: null, system: null, reasons: [] });
});

test('in a line, with what it serves', () => {
  assert.equal(guessOf({ endpoints: [DEBIAN] }), 'Debian 12 server; serves ssh');
  assert.equal(
    guessOf({ endpoints: [at(22, ssh('SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.4'))] }),
    'Ubuntu server; serves ssh',
  );
  assert.equal(
    guessOf({ endpoints: [at(22, ssh('SSH-2.0-dropbear_2020.81'))] }),
    'embedded Linux (Dropbear); serves ssh',
  );
  assert.equal(guessOf({ endpoints: [at(6379, service('redis'))] }), 'server; serves redis');
  assert.equal(guessOf({ endpoints: [at(1, { protocol: 'unknown', banner: '' })] }), null);
});

const anyEndpoint = fc.constantFrom(
  DEBIAN,
  at(22, ssh('SSH-2.0-Cisco-1.25')),
  at(3389, service('rdp')),
  at(445, service('smb')),
  at(9100, null),
  at(554, null),
  at(80, service('http', { product: 'Microsoft-IIS' })),
  at(80, service('http', { details: { title: 'iDRAC9' } })),
  at(5432, service('postgresql')),
);

test('a confidence is one, does not depend on the order, and grows with what supports it', () => {
  fc.assert(
    fc.property(fc.array(anyEndpoint, { maxLength: 8 }), fc.option(fc.integer({ min: 1, max: 255 })), (seen, ttl) => {
      const more = ttl === null ? {} : { ttl };
      const here = guess(seen, more);
      for (const one of [here.class, here.system]) assert.ok(!one || (one.confidence > 0 && one.confidence <= 1));
      assert.deepEqual(guess(seen.toReversed(), more), here);
      const printer = (all: typeof seen): number => {
        const { class: kind } = guess(all, more);
        return kind?.value === 'printer' ? kind.confidence : 0;
      };
      const page = at(80, service('http', { details: { title: 'LaserJet' } }));
      assert.ok(printer([...seen, page]) >= printer(seen));
    }),
  );
});
