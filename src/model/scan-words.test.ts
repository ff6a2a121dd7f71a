import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scan } from './estate.ts';
import { estimateWords, lasting, progressWords } from './scan-words.ts';

test('times are told in the unit that people would use', () => {
  const said = [1, 100, 119, 130, 3600 * 2, 3600 * 30, 86_400 * 20, 86_400 * 365 * 40].map(lasting);
  assert.deepEqual(said, ['1 s', '100 s', '119 s', '2.2 min', '120 min', '30 h', '20 d', '40 years']);
});

test('an estimate says both ends, and one where they are the same', () => {
  const span = { least: 1000, most: 2000 };
  const words = estimateWords({
    addresses: 1000,
    excluded: 24,
    ports: 1,
    udp: 0,
    pairs: 1000,
    echoes: 1000,
    rate: 500,
    packets: span,
    bytes: { least: 74_000, most: 148_000 },
    seconds: { least: 2, most: 2 },
  });
  assert.deepEqual(Object.fromEntries(words), {
    addresses: '1,000 (24 excluded)',
    ports: '1 each, 1,000 pairs in all',
    pings: '1,000 at most, where no port is open',
    rate: 'up to 500 new connections a second',
    packets: '1,000 to 2,000 (more where nobody answers)',
    sent: '74 kB to 148 kB',
    time: '2 s',
  });
});

test('progress says how long it takes, why it is slower than asked for, and what it waits for', () => {
  const scan = {
    state: 'running',
    counts: { done: 10, targets: 100, open: 1 },
    secondsLeft: 90,
    pace: { asked: 1000, now: 250, why: 'packets get lost: 40 % of the answers', done: 1 },
    waitsUntil: null,
    waitsFor: null,
    site: 'local',
    siteWhy: null,
  } as unknown as Scan;
  assert.equal(
    progressWords(scan),
    '10 of 100 looked at, 1 open, 90 s left, 250/s of 1,000/s (packets get lost: 40 % of the answers)',
  );
  const waiting = {
    ...scan,
    state: 'queued',
    secondsLeft: null,
    waitsUntil: '2030-07-01T18:00:00.000Z',
    waitsFor: 'plant',
  };
  assert.equal(
    progressWords(waiting as Scan),
    '10 of 100 looked at, 1 open, waits until 2030-07-01 18:00 UTC (blackout of plant)',
  );
});
