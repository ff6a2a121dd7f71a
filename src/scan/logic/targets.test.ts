import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAppError } from '../../model/errors/index.ts';
import { formatAddress, normalAddress, parseAddress, tellsMachinesApart } from './address.ts';
import { parsePorts } from './ports.ts';
import { addressAt, containsAddress, countAddresses, parseTargets, subtractIntervals } from './targets.ts';

const all = (texts: string[]): string[] => {
  const { intervals } = parseTargets(texts);
  return Array.from({ length: Number(countAddresses(intervals)) }, (_, index) => addressAt(intervals, index));
};

test('addresses, CIDRs and ranges mean what they say', () => {
  assert.deepEqual(all(['10.0.0.4/30']), ['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7']);
  assert.deepEqual(all(['10.0.0.6/30']), all(['10.0.0.4/30']), 'host bits are masked');
  assert.deepEqual(
    all(['10.0.0.1-3', '10.0.0.3', '10.0.0.2']),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    'no address twice',
  );
  assert.deepEqual(all(['10.0.0.255-10.0.1.1']), ['10.0.0.255', '10.0.1.0', '10.0.1.1']);
  assert.deepEqual(all(['2001:db8::fffe/127']), ['2001:db8::fffe', '2001:db8::ffff']);
  assert.deepEqual(all(['::ffff:10.0.0.1']), ['10.0.0.1']);
  assert.deepEqual(parseTargets(['Web-1.example.', 'db']).names, ['web-1.example', 'db']);
});

for (const text of [
  '10.0.0.0/33',
  '10.0.0/24',
  '10.0.0.300',
  '10.0.0.1/',
  '10.0.0.1/24/2',
  '10.0.0.1/-1',
  '10.0.0.9-3',
  '10.0.0.1-2001:db8::1',
  '',
  ' ',
  '1',
  '0x7f.1',
  '010.0.0.1/8x',
  'exa mple',
  '-x.example',
  'a..b',
  'http://example',
  '2001:db8::/129',
  'fe80::1%eth0',
  '10.0.0.1-',
]) {
  test(`"${text}" is refused as a target`, () => {
    assert.throws(
      () => parseTargets([text]),
      (error) => isAppError(error, 'TARGET_INVALID'),
    );
  });
}

test('everything, and whatever is wider than a /8, must be confirmed', () => {
  for (const text of ['0.0.0.0/0', '::/0', '10.0.0.0/7', '8.0.0.0-9.255.255.255', '2000::/7']) {
    assert.throws(
      () => parseTargets([text]),
      (error) => isAppError(error, 'TARGET_WIDE'),
      text,
    );
    assert.equal(parseTargets([text], { confirmWide: true }).intervals.length, 1);
  }
  assert.equal(countAddresses(parseTargets(['10.0.0.0/8']).intervals), 2n ** 24n);
});

const v4 = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((n) => ({ family: 4 as const, n: BigInt(n) }));
const cidr = fc.tuple(v4, fc.integer({ min: 8, max: 32 })).map(([a, bits]) => `${formatAddress(4, a.n)}/${bits}`);

test('what is excluded is never in the rest, what is not excluded always is', () => {
  fc.assert(
    fc.property(
      fc.array(cidr, { minLength: 1, maxLength: 5 }),
      fc.array(cidr, { maxLength: 5 }),
      v4,
      (from, minus, { n }) => {
        const a = parseTargets(from).intervals;
        const b = parseTargets(minus).intervals;
        const rest = subtractIntervals(a, b);
        const edges = [...a, ...b].flatMap(({ first, last }) => [first - 1n, first, last, last + 1n]);
        for (const value of [n, ...edges].filter((v) => v >= 0n && v < 2n ** 32n)) {
          const address = formatAddress(4, value);
          assert.equal(containsAddress(rest, address), containsAddress(a, address) && !containsAddress(b, address));
        }
      },
    ),
  );
});

test('an address survives being written and read', () => {
  const any = fc.oneof(
    v4,
    fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((n) => ({ family: 6 as const, n })),
  );
  fc.assert(
    fc.property(any, ({ family, n }) => {
      const parsed = parseAddress(formatAddress(family, n))!;
      // IPv4 mapped into IPv6 comes back as the IPv4 address it means.
      assert.equal(parsed.value, parsed.family === family ? n : n & 0xffffffffn);
    }),
  );
  assert.equal(normalAddress('2001:DB8:0::1'), '2001:db8::1');
});

test('addresses that every machine has tell none apart', () => {
  for (const address of ['127.0.0.1', '::1', '0.0.0.0', 'fe80::1', '169.254.3.4', '224.0.0.1', 'x']) {
    assert.equal(tellsMachinesApart(address), false, address);
  }
  for (const address of ['127.74.14.10', '10.0.0.1', '2001:db8::1']) assert.equal(tellsMachinesApart(address), true);
});

test('ports: profiles, lists and ranges', () => {
  assert.deepEqual(parsePorts('8000-8002, 22,80,22'), [22, 80, 8000, 8001, 8002]);
  assert.equal(parsePorts('full').length, 65_535);
  for (const port of [22, 2222, 25, 443, 465, 587, 636, 993, 995, 3306, 5432, 6379, 8000, 8080, 8443, 9443]) {
    assert.ok(parsePorts('default').includes(port), String(port));
  }
  for (const text of ['', '0', '65536', '22,', '10-5', 'http', '1-2-3', '-1', '1e3']) {
    assert.throws(
      () => parsePorts(text),
      (error) => isAppError(error, 'PORTS_INVALID'),
      text,
    );
  }
});
