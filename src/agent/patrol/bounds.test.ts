import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PatrolOrder } from '../../model/patrol.ts';
import { bound } from './bounds.ts';

const NOW = Date.UTC(2030, 0, 1);
const SELF = { subnets: ['10.61.1.14/24', '192.0.2.9/16'], now: NOW };
const order = (more: Partial<PatrolOrder> = {}): PatrolOrder => ({
  id: 'patrol_1',
  block: '10.61.1.0/24',
  ranges: ['10.61.1.1-10.61.1.254'],
  ports: [22, 443],
  rate: 20,
  seed: 7,
  window: 0,
  known: [],
  until: new Date(NOW + 60_000).toISOString(),
  ...more,
});
const taken = (more: Partial<PatrolOrder> = {}) => {
  const got = bound(order(more), SELF);
  assert.ok(!('refused' in got), 'refused' in got ? got.refused : '');
  return got;
};
const refusal = (more: Partial<PatrolOrder>, self = SELF): string => {
  const got = bound(order(more), self);
  assert.ok('refused' in got, JSON.stringify(more));
  return got.refused;
};

test('1.14: an agent takes an order for its own subnet, and paces and times it itself', () => {
  const bounded = taken({ rate: 100_000, until: '2099-01-01T00:00:00.000Z' });
  assert.equal(bounded.rate, 50);
  assert.equal(bounded.until, NOW + 3_600_000);
  const within = bounded.within(['10.61.1.1-10.61.1.254']);
  assert.ok(within('10.61.1.7'));
  assert.equal(within('10.61.1.14'), false, 'itself');
});

test('1.14: an agent refuses whatever is not on its own wires, or too much', () => {
  assert.match(refusal({ ranges: ['10.61.0.1-10.61.0.5'] }), /outside of the subnets of this host \(10\.61\.1\.0\/24/);
  assert.match(refusal({ ranges: ['10.61.1.1-10.61.2.1'] }), /outside/, 'one foreign address spoils all');
  assert.match(refusal({ ranges: ['127.0.0.1'] }), /outside/);
  assert.match(refusal({ ranges: ['0.0.0.0/0'] }), /outside/);
  assert.match(refusal({ ranges: ['192.0.4.0-192.0.4.9'] }), /outside/, 'of a wide subnet only the part that it is in');
  assert.match(refusal({ ranges: ['a.example'] }), /for nothing/);
  assert.match(refusal({ ranges: ['10.61.1.9999'] }), /ranges/);
  assert.match(refusal({ ranges: ['10.61.1.1-10.61.1.254', '192.0.0.0/22'] }), /outside|1024/);
  assert.match(refusal({ ports: Array.from({ length: 65 }, (_, i) => i + 1) }), /64 ports/);
  assert.match(refusal({ until: '2029-12-31T23:59:59.000Z' }), /time is over/);
  assert.match(refusal({}, { subnets: [], now: NOW }), /looks at nobody/);
});

test('1.14: whatever an order and later replies say, an agent never looks outside of its subnets', () => {
  const parts = fc.tuple(fc.constantFrom(10, 127, 192, 8), fc.constantFrom(61, 0), fc.nat(255), fc.nat(255));
  const range = fc.tuple(parts, fc.integer({ min: 8, max: 32 })).map(([each, prefix]) => `${each.join('.')}/${prefix}`);
  fc.assert(
    fc.property(
      fc.array(range, { minLength: 1, maxLength: 3 }),
      fc.array(range, { maxLength: 3 }),
      parts,
      (first, later, probe) => {
        const got = bound(order({ ranges: first }), SELF);
        if ('refused' in got) return;
        const address = probe.join('.');
        if (!got.within(later)(address)) return;
        assert.match(address, /^10\.61\.1\.|^192\.0\.[0-3]\./);
      },
    ),
    { numRuns: 500 },
  );
});

test('1.14: a reply that excludes addresses is heeded, one that adds some is not', () => {
  const bounded = taken({ ranges: ['10.61.1.1-10.61.1.20'] });
  const less = bounded.within(['10.61.1.1-10.61.1.4', '10.61.1.6-10.61.1.20']);
  assert.ok(less('10.61.1.4') && !less('10.61.1.5'));
  assert.equal(bounded.within(['10.61.1.0/24'])('10.61.1.21'), false);
  assert.equal(bounded.within([])('10.61.1.4'), false);
  assert.equal(bounded.within(['nonsense!'])('10.61.1.4'), false);
});
