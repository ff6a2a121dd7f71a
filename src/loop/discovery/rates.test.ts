import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeTokens } from '../../scan/logic/pace.ts';
import { takeAt } from '../../scan/logic/subnets.ts';
import { Buckets } from './scopes.ts';

test('two scopes and any number of scans at one /24 keep its rate together', () => {
  const buckets = new Buckets();
  const users = ['scope a', 'scope b', 'scan 1', 'scan 2'].map((key) =>
    buckets.of(key, { rate: 10_000, subnetRate: 500 }),
  );
  let asked = 0;
  for (let now = 0; now < 1000; now++) {
    for (const { subnets } of users) {
      const wait = takeAt(subnets, ['10.0.0.1'], now);
      now += wait;
      asked += 1;
    }
  }
  assert.ok(asked <= 550 + users.length, `${asked} in one second`);
});

test('whoever holds a scope’s bucket goes on at the rate that the scope has now', () => {
  const buckets = new Buckets();
  const scan = buckets.of('scope', { rate: 1000, subnetRate: 500 });
  const followUp = buckets.of('scope', { rate: 10, subnetRate: 500 });
  const now = performance.now();
  for (let i = 0; i < 200; i++) takeTokens(followUp.bucket, 1, now);
  assert.ok(takeTokens(scan.bucket, 1, now) > 5000, 'what one takes the other waits for');
  buckets.forget('scope');
  assert.notEqual(buckets.of('scope', { rate: 10, subnetRate: 500 }).bucket, scan.bucket);
});
