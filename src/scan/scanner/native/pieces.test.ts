import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Flights } from './flights.ts';
import { KNOCK_WORDS } from './messages.ts';
import { Queue } from './queue.ts';
import { Wheel } from './wheel.ts';

test('each deadline is met once, never early and at most a tick and a turn late', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          at: fc.integer({ min: 0, max: 7000 }),
          gap: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 12_000 })),
        }),
        {
          maxLength: 200,
        },
      ),
      fc.integer({ min: 0, max: 1e9 }),
      (items, start) => {
        const wheel = new Wheel(start);
        let now = start;
        const deadlines = new Map<number, number>();
        const met = new Map<number, number>();
        let before = start;
        const turn = (): void => {
          wheel.due(now, (item) => {
            assert.ok(!met.has(item));
            met.set(item, now);
            // What was due at the turn before was to come then.
            assert.ok(deadlines.get(item)! > before - 8 - 8, `${now - deadlines.get(item)!} ms late`);
          });
          before = now;
        };
        for (const [item, { at, gap }] of items.entries()) {
          turn();
          deadlines.set(item, now + at);
          wheel.set(item, now + at);
          now += gap;
          turn();
        }
        const end = now + 60_000;
        while (met.size < items.length && now < end) {
          now += 5;
          turn();
        }
        for (const [item, at] of deadlines) {
          const late = met.get(item)! - at;
          assert.ok(late >= 0, `${-late} ms early`);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('1.1: a thread that stood still does not catch up faster than its rate, and dropped knocks never go out', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 5000 }), fc.array(fc.integer({ min: 0, max: 900 })), (rate, pauses) => {
      const queue = new Queue();
      const all = 3000;
      const words = new Uint32Array(all * KNOCK_WORDS);
      for (let token = 0; token < all; token++) words[token * KNOCK_WORDS] = token;
      let now = 0;
      queue.add(words, rate, now);
      queue.drop(Array.from({ length: all / 3 }, (_, i) => i * 3));
      const out: { token: number; at: number }[] = [];
      for (const pause of [...pauses, 100, 100]) {
        now += pause;
        queue.take(10_000, now, (some, at) => out.push({ token: some[at]!, at: now }));
      }
      assert.ok(out.every(({ token }) => token % 3 !== 0));
      assert.equal(new Set(out.map(({ token }) => token)).size, out.length);
      for (const { at } of out) {
        const within = out.filter((other) => other.at >= at && other.at < at + 1000).length;
        assert.ok(within <= rate + Math.max(1, rate / 10) + 1, `${within} in a second at rate ${rate}`);
      }
    }),
    { numRuns: 60 },
  );
});

test('a sequence number leads to its slot and to no other, whatever comes and goes', () => {
  const width = 24;
  const steps = fc.array(fc.record({ slot: fc.nat(width - 1), sequence: fc.nat(40), high: fc.boolean() }), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const flights = new Flights(width);
      const truth = new Map<number, number>();
      for (const { slot, sequence, high } of all) {
        // Few numbers, so that runs meet, go round the end, and two slots have one number.
        const number = high ? 0xffffffff - sequence : sequence;
        if (truth.delete(slot)) flights.remove(slot);
        else {
          flights.add(slot, number);
          truth.set(slot, number);
        }
        assert.equal(flights.count, truth.size);
        for (const [there, its] of truth)
          assert.equal(
            flights.find(its, (one) => one === there),
            there,
          );
        for (const one of [number, 77])
          if (![...truth.values()].includes(one))
            assert.equal(
              flights.find(one, () => true),
              -1,
            );
        assert.deepEqual([...flights.slots()].toSorted(), [...truth.keys()].toSorted());
      }
    }),
    { numRuns: 200 },
  );
});
