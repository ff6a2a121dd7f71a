import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ELECTED, elect, isTurn, PATROL_EVERY_MS } from './election.ts';

const agents = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 0, maxLength: 40 });
const BLOCK = '10.61.1.0/24';
const NOW = new Date('2030-01-01T12:00:00Z');
const HOUR = 3_600_000;

test('1.14: few are elected whatever the number of agents, the same in any order, and only candidates', () => {
  fc.assert(
    fc.property(agents, fc.integer({ min: 0, max: 10_000 }), (all, day) => {
      const now = new Date(day * 24 * HOUR);
      const elected = elect(all, BLOCK, now);
      assert.equal(elected.length, Math.min(ELECTED, all.length));
      assert.ok(elected.every((agent) => all.includes(agent)));
      assert.deepEqual(elect([...all].reverse(), BLOCK, now), elected);
      assert.deepEqual(elect([...all, ...all], BLOCK, now), elected);
    }),
  );
});

test('1.14: who is elected changes from day to day and from subnet to subnet; one that leaves changes little', () => {
  const all = Array.from({ length: 30 }, (_, n) => `agent_${n}`);
  const days = Array.from({ length: 60 }, (_, day) => elect(all, BLOCK, new Date(NOW.getTime() + day * 24 * HOUR)));
  assert.ok(new Set(days.flat()).size > 25, 'nearly everybody has a turn within two months');
  assert.notDeepEqual(elect(all, BLOCK, NOW), elect(all, '10.61.2.0/24', NOW));
  const [first, second] = elect(all, BLOCK, NOW);
  assert.equal(
    elect(
      all.filter((agent) => agent !== first),
      BLOCK,
      NOW,
    )[0],
    second,
  );
});

test('1.14: the elected take turns, and one that does not come is not waited for', () => {
  const elected = ['a', 'b'];
  const last = (ago: number, isDone = true) => ({ agentId: 'a', at: new Date(NOW.getTime() - ago), isDone });
  assert.equal(isTurn('c', elected, null, NOW), false);
  assert.ok(isTurn('a', elected, null, NOW));
  assert.equal(isTurn('b', elected, last(PATROL_EVERY_MS - 1), NOW), false, 'too early');
  assert.ok(isTurn('b', elected, last(PATROL_EVERY_MS), NOW));
  assert.equal(isTurn('a', elected, last(PATROL_EVERY_MS), NOW), false, 'the other one’s turn');
  assert.ok(isTurn('a', elected, last(PATROL_EVERY_MS + HOUR), NOW), 'who did not come');
  assert.ok(isTurn('a', ['a'], last(PATROL_EVERY_MS), NOW), 'nobody else is there');
  assert.ok(isTurn('b', elected, last(HOUR, false), NOW), 'one that broke off is made up for sooner');
});

test('1.14: a subnet’s patrols do not grow with its agents', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), (count) => {
      const all = Array.from({ length: count }, (_, n) => `agent_${n}`);
      let last: { agentId: string; at: Date; isDone: boolean } | null = null;
      let patrols = 0;
      for (let minute = 0; minute < 24 * 60; minute += 10) {
        const now = new Date(Date.UTC(2030, 0, 1, 0, minute));
        const elected = elect(all, BLOCK, now);
        const agentId = all.find((agent) => isTurn(agent, elected, last, now));
        if (agentId === undefined) continue;
        patrols++;
        last = { agentId, at: now, isDone: true };
      }
      assert.equal(patrols, 6);
    }),
    { numRuns: 20 },
  );
});
