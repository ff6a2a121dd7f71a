import assert from 'node:assert/strict';
import { test } from 'node:test';
import { walkNow } from './full-walk.ts';

const wanted = {
  targets: ['10.0.0.0/8'],
  resolved: ['192.0.2.1'],
  exclude: ['10.1.0.0/16'],
  ports: 'default',
  udp: 'none',
};
const lastFull = { ...wanted, at: new Date('2030-01-01T03:01:00Z') };
const at = (day: number): Date => new Date(Date.UTC(2030, 0, day, 3, 0, 30));

test('known addresses are looked at each time, empty space seldom', () => {
  const walks = (fullEvery: number | null, seconds: number): string =>
    [2, 3, 4, 5, 6, 7, 8, 9].map((day) => walkNow({ fullEvery, lastFull, wanted, seconds, now: at(day) })[0]).join('');
  assert.equal(walks(null, 600), 'ffffffff', 'what takes ten minutes is walked each time');
  assert.equal(walks(null, 7200), 'kkkkkkff', 'what takes longer once a week, though the schedule is a bit early');
  assert.equal(walks(3, 600), 'kkffffff', 'unless somebody said how often');
  assert.equal(walks(1, 10 ** 9), 'ffffffff');
  assert.equal(
    walkNow({ fullEvery: 30, lastFull: null, wanted, seconds: 10 ** 9, now: at(2) }),
    'full',
    'the first of all',
  );
});

test('what a scope covers since the last full walk is not left out until the next', () => {
  const walk = (change: Partial<typeof wanted>): string =>
    walkNow({ fullEvery: 30, lastFull, wanted: { ...wanted, ...change }, seconds: 10 ** 9, now: at(2) });
  assert.equal(walk({ targets: ['10.0.0.0/8', '192.0.2.0/24'] }), 'full');
  assert.equal(walk({ resolved: ['192.0.2.1', '192.0.2.2'] }), 'full');
  assert.equal(walk({ exclude: [] }), 'full');
  assert.equal(walk({ ports: 'full' }), 'full');
  assert.equal(walk({ resolved: [], exclude: ['10.1.0.0/16', '10.2.0.0/16'] }), 'known', 'less is no reason');
});
