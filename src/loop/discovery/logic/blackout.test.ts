import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAppError } from '../../../model/errors/index.ts';
import { parseTargets } from '../../../scan/logic/targets.ts';
import {
  blackoutOver,
  checkBlackouts,
  endOfBlackouts,
  isAlwaysDark,
  isBlackout,
  nextBlackout,
  parseBlackout,
  restingOver,
} from './blackout.ts';

const MINUTE = 60_000;
const on = (text: string, at: string): boolean => isBlackout(parseBlackout(text), new Date(at));

test('hours of a blackout are those that people there see on the clock', () => {
  // 2030-07-01 is a Monday; Berlin is two hours ahead then, one hour in January.
  assert.equal(on('mon-fri 08:00-18:00 Europe/Berlin', '2030-07-01T05:59:59Z'), false);
  assert.equal(on('mon-fri 08:00-18:00 Europe/Berlin', '2030-07-01T06:00:00Z'), true);
  assert.equal(on('mon-fri 08:00-18:00 Europe/Berlin', '2030-07-01T16:00:00Z'), false);
  assert.equal(on('mon-fri 08:00-18:00 Europe/Berlin', '2030-01-07T16:30:00Z'), true);
  assert.equal(on('mon-fri 08:00-18:00', '2030-07-06T10:00:00Z'), false, 'a Saturday');
  // Over midnight it belongs to the day that it begins on.
  assert.equal(on('fri 22:00-06:00', '2030-07-06T05:59:00Z'), true);
  assert.equal(on('fri 22:00-06:00', '2030-07-05T05:59:00Z'), false);
  assert.equal(on('sat,sun 00:00-24:00', '2030-07-07T23:59:59Z'), true);
  assert.equal(on('fri-mon 00:00-24:00', '2030-07-09T00:00:00Z'), false);
});

const blackouts = fc.array(
  fc
    .record({
      days: fc.constantFrom('daily', 'mon-fri', 'sat,sun', 'wed', 'fri-mon'),
      from: fc.nat(1439),
      to: fc.nat(1440),
      zone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York'),
    })
    .filter(({ from, to }) => from !== to)
    .map(({ days, from, to, zone }) => `${days} ${clock(from)}-${clock(to)} ${zone}`),
  { minLength: 1, maxLength: 3 },
);
const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

test('the end of blackouts is the first minute that is in none, as walking minute by minute finds it', () => {
  fc.assert(
    fc.property(blackouts, fc.nat(7 * 1440), (texts, minute) => {
      const all = texts.map(parseBlackout);
      // A week in which no zone changes its clock.
      const at = new Date(Date.UTC(2030, 6, 1) + minute * MINUTE);
      const dark = (time: number): boolean => all.some((one) => isBlackout(one, new Date(time)));
      let time = at.getTime();
      while (dark(time) && time < at.getTime() + 9 * 1440 * MINUTE) time += MINUTE;
      const end = endOfBlackouts(all, at);
      if (dark(time)) assert.equal(end, null);
      else assert.equal(end?.toISOString(), new Date(time).toISOString());
      const next = nextBlackout(all, at)!;
      assert.ok(next > at && dark(next.getTime()));
    }),
    { numRuns: 40 },
  );
});

test('where a clock is put forward or back, a blackout still ends', () => {
  for (const day of ['2030-03-31', '2030-10-27']) {
    const all = [parseBlackout('daily 01:00-02:30 Europe/Berlin')];
    const end = endOfBlackouts(all, new Date(`${day}T00:10:00Z`))!;
    assert.ok(end.getTime() - Date.parse(`${day}T00:10:00Z`) <= 3 * 3600_000, end.toISOString());
    assert.equal(isBlackout(all[0]!, end), false);
  }
});

test('what cannot be read is refused with what would be, and so is what leaves no hour', () => {
  for (const text of [
    '',
    'mon',
    'mon 8-18',
    'moo 08:00-18:00',
    'mon 08:00-08:00',
    'mon 25:00-26:00',
    'mon 08:00-09:60',
  ])
    assert.throws(
      () => checkBlackouts([text]),
      (error) => isAppError(error, 'BLACKOUT_INVALID'),
      text,
    );
  assert.throws(() => checkBlackouts(['mon 08:00-18:00 Europe/Nowhere']), /time zone/);
  assert.throws(() => checkBlackouts(['daily 00:00-12:00', 'daily 12:00-24:00']), /no hour/);
  checkBlackouts(['daily 00:00-12:00', 'mon-sat 12:00-24:00']);
  checkBlackouts([]);
});

test('a scope’s hours hold for its addresses, whoever scans them', () => {
  const scopes = [
    { name: 'plant', targets: parseTargets(['10.1.0.0/16']).intervals, blackouts: ['daily 06:00-22:00'] },
    { name: 'office', targets: parseTargets(['10.2.0.0/16']).intervals, blackouts: [] },
  ];
  const at = new Date('2030-07-01T12:00:00Z');
  const over = (target: string) => blackoutOver(scopes, parseTargets([target]).intervals, at);
  assert.deepEqual(over('10.0.0.0/8'), { scope: 'plant', until: new Date('2030-07-01T22:00:00Z') });
  assert.equal(over('10.2.0.0/16'), null);
});

test('scopes whose hours take turns leave none to a scan of both', () => {
  const scopes = [
    { name: 'plant', targets: parseTargets(['10.1.0.0/16']).intervals, blackouts: ['daily 06:00-18:00'] },
    { name: 'office', targets: parseTargets(['10.2.0.0/16']).intervals, blackouts: ['daily 18:00-06:00'] },
  ];
  const never = (target: string): boolean =>
    isAlwaysDark(restingOver(scopes, parseTargets([target]).intervals), new Date('2030-07-01T12:00:00Z'));
  assert.deepEqual(['10.1.0.0/16', '10.2.0.1', '10.9.0.1', '10.0.0.0/8'].map(never), [false, false, false, true]);
});
