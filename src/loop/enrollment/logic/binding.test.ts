import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers, mayBeTriedUnnamed, readBound } from './binding.ts';

const place = (address: string) => ({ hostId: 'host_1', address, tags: { env: 'prod', note: 'a=b' } });

test('a login is good where an address, a host or a tag says so; without any, everywhere', () => {
  const cases: [string[], string, boolean][] = [
    [[], '10.0.0.5', true],
    [['10.0.0.0/24'], '10.0.0.5', true],
    [['10.0.0.0/24'], '10.0.1.5', false],
    [['10.0.0.5'], '10.0.0.5', true],
    [['10.0.0.5'], '10.0.0.50', false],
    [['2001:db8::/32'], '2001:db8::7', true],
    [['2001:db8::/32'], '10.0.0.5', false],
    [['0.0.0.0/0'], '2001:db8::7', false],
    [['10.9.0.0/16', 'env=prod'], '10.0.0.5', true],
    [['env=test'], '10.0.0.5', false],
    [['note=a=b'], '10.0.0.5', true],
    [['constructor=x'], '10.0.0.5', false],
    [['host_1'], '10.0.0.5', true],
    [['host_2'], '10.0.0.5', false],
  ];
  for (const [bounds, address, expected] of cases)
    assert.equal(covers(bounds, place(address)), expected, `${bounds} ${address}`);
  assert.deepEqual(
    ['10.0.0.1', '10.0.0.0/8', 'a=b', 'web-1', '::1', '10.1'].map((text) => readBound(text).kind),
    ['range', 'range', 'tag', 'host', 'range', 'host'],
  );
});

test('unnamed, only what hands over no password is tried, or what is bound', () => {
  const login = (kind: 'password' | 'private-key', become_id: string | null, bound_to: string[]) => ({
    kind,
    become_id,
    bound_to,
  });
  assert.ok(mayBeTriedUnnamed(login('private-key', null, [])));
  assert.ok(!mayBeTriedUnnamed(login('private-key', 'secret', [])));
  assert.ok(!mayBeTriedUnnamed(login('password', null, [])));
  assert.ok(mayBeTriedUnnamed(login('password', null, ['10.0.0.0/8'])));
});
