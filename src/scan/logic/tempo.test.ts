import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FULL_PACE, judge, newTempo, observeAnswer, observeEnd, type Shown } from './tempo.ts';

/** The same sequence for the same seed. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface World {
  asked: number;
  /** packets a second that get through */
  capacity: number;
  /** lost whatever the pace */
  noise: number;
  /** of the ports of every second address, those where a packet filter keeps quiet */
  filtered: number;
  seconds: number;
  seed: number;
}

/** A network that drops what is beyond its capacity; silence is asked again once. The pace at each second. */
function paces({ asked, capacity, noise, filtered, seconds, seed }: World): { paces: number[]; whys: Set<string> } {
  const random = dice(seed);
  const tempo = newTempo(asked, 0);
  const shown: Shown[] = Array.from({ length: 200 }, () => ({ answered: 0, silent: 0 }));
  const found = { paces: [] as number[], whys: new Set<string>() };
  for (let tick = 0; tick < seconds * 10; tick++) {
    const sent = tempo.now / 10;
    const loss = 1 - (1 - noise) * Math.min(1, capacity / tempo.now);
    for (let packet = 0; packet < sent; packet++) {
      const host = Math.floor(random() * shown.length);
      const quiet = host % 2 === 0 && random() < filtered;
      const first = !quiet && random() >= loss;
      const second = !quiet && !first && random() >= loss;
      const isSilent = !first && !second;
      if (!isSilent) observeAnswer(tempo, second);
      observeEnd(tempo, isSilent, shown[host]!);
      shown[host]![isSilent ? 'silent' : 'answered'] += 1;
    }
    judge(tempo, tick * 100);
    found.whys.add(tempo.why);
    if (tick % 10 === 9) found.paces.push(tempo.now);
  }
  return found;
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 });

test('where nothing gets lost the pace stays as asked for, whatever packet filters keep quiet about', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(0, 0.3, 0.9, 0.975), fc.constantFrom(0, 0.01), (seed, filtered, noise) => {
      const { paces: seen } = paces({ asked: 1000, capacity: 1e9, noise, filtered, seconds: 40, seed });
      assert.ok(
        seen.every((pace) => pace === 1000),
        seen.join(' '),
      );
    }),
    { numRuns: 25 },
  );
});

test('where a network bears a part only, the pace finds it, stays near it, and says why', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 100, max: 600 }), (seed, capacity) => {
      const { paces: seen, whys } = paces({ asked: 1000, capacity, noise: 0, filtered: 0.5, seconds: 80, seed });
      const late = seen.slice(20);
      const mean = late.reduce((sum, pace) => sum + pace, 0) / late.length;
      assert.ok(mean > capacity / 3 && mean < capacity * 1.3, `${mean} of ${capacity}`);
      assert.ok([...whys].some((why) => why.startsWith('packets get lost')));
    }),
    { numRuns: 15 },
  );
});

test('the pace comes back when the network is free again, and never leaves its bounds', () => {
  const tempo = newTempo(640, 0);
  const say = (wasLost: boolean): void => {
    for (let i = 0; i < 40; i++) observeAnswer(tempo, wasLost && i % 2 === 0);
  };
  let at = 0;
  for (; at < 60_000; at += 500) {
    say(true);
    judge(tempo, at);
    assert.ok(tempo.now >= 20 && tempo.now <= 640);
  }
  assert.equal(tempo.now, 20, 'a thirty-second part, and no less');
  assert.match(tempo.why, /^packets get lost: 50 % of the answers/);
  for (const end = at + 25_000; at < end; at += 500) {
    say(false);
    judge(tempo, at);
  }
  assert.deepEqual([tempo.now, tempo.why], [640, FULL_PACE]);
});

test('addresses that answered and fall silent altogether make the pace fall', () => {
  const tempo = newTempo(100, 0);
  const shown: Shown = { answered: 20, silent: 0 };
  for (let i = 0; i < 40; i++) {
    observeEnd(tempo, true, shown);
    shown.silent += 1;
  }
  assert.ok(judge(tempo, 1000));
  assert.equal(tempo.now, 50);
  assert.match(tempo.why, /more silence than before where addresses had answered/);
});
