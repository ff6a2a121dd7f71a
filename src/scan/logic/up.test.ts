import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ECHO_BYTES, readArp, readEcho, writeEcho } from './ping.ts';
import { newNeighbours, reallyUp, toJudge, type Up } from './up.ts';

const addresses = (count: number, net = '10.0.0'): string[] => Array.from({ length: count }, (_, at) => `${net}.${at}`);
const up = (address: string, mac?: string): Up => ({ address, how: 'icmp', mac });

const NOBODY: ReadonlySet<string> = new Set();
const among = (all: readonly string[]): ReadonlySet<string> => new Set(all);

test('1.11: a subnet is to be judged while all that was asked of it answers; one silent address settles it', () => {
  const asked = addresses(3);
  const met = newNeighbours();
  assert.deepEqual(toJudge(met, asked, among(asked)), ['10.0.0']);
  assert.deepEqual(toJudge(met, asked, among(asked.slice(1))), []);
  assert.deepEqual(toJudge(met, asked, among(asked)), [], 'it stays settled');
  assert.deepEqual(toJudge(newNeighbours(), asked, NOBODY), [], 'where nobody answers there is nothing to judge');
});

test('1.11: a subnet that one thing answers for, and a card that answers for many, are nobody', () => {
  const asked = addresses(32).map((one) => up(one));
  const whole = { ...newNeighbours(), whole: new Map([['10.0.0', true]]) };
  assert.deepEqual(reallyUp(whole, asked, NOBODY), { up: [], bogus: 32 });
  assert.deepEqual(reallyUp(newNeighbours(), asked, NOBODY), { up: asked, bogus: 0 });
  const router = addresses(9).map((one) => up(one, 'aa'));
  const other = up('10.0.0.30', 'bb');
  assert.deepEqual(reallyUp(newNeighbours(), [...router, other], NOBODY), { up: [other], bogus: 9 });
  const met = newNeighbours();
  assert.equal(reallyUp(met, router.slice(0, 8), NOBODY).bogus, 0);
  assert.equal(reallyUp(met, router.slice(8), NOBODY).bogus, 1, 'a card is counted over the whole run');
});

test('where a host is known already it stays, whatever else answers', () => {
  const all = addresses(20).map((one) => up(one, 'aa'));
  const whole = { ...newNeighbours(), whole: new Map([['10.0.0', true]]) };
  const known = among(addresses(20).slice(5));
  assert.deepEqual(reallyUp(whole, all, known), { up: all.slice(5), bogus: 5 });
});

test('an echo comes back with what we sent, and nothing else is one', () => {
  const view = new DataView(new ArrayBuffer(20 + ECHO_BYTES));
  const token = 0x0123_4567_89ab_cdefn;
  writeEcho(view, 20, { id: 7, sequence: 1, token });
  const words = Array.from({ length: ECHO_BYTES / 2 }, (_, at) => view.getUint16(20 + at * 2));
  let sum = words.reduce((total, word) => total + word, 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  assert.equal(sum, 0xffff, 'the checksum is right');
  const whole = { length: 20 + ECHO_BYTES, hasHeader: true };
  view.setUint8(0, 0x45);
  view.setUint8(8, 61);
  assert.equal(readEcho(view, 0, whole), null, 'our own request is no answer');
  view.setUint8(20, 0);
  assert.deepEqual(readEcho(view, 0, whole), { token, ttl: 61 });
  assert.deepEqual(readEcho(view, 20, { length: ECHO_BYTES, hasHeader: false }), { token, ttl: undefined });
  for (const length of [0, 8, 19, 20, 35]) assert.equal(readEcho(view, 0, { length, hasHeader: true }), null);
  view.setUint8(0, 0x40);
  assert.equal(readEcho(view, 0, whole), null);
});

test('the table of neighbours: who answered, and nobody who did not', () => {
  const table = [
    'IP address       HW type     Flags       HW address            Mask     Device',
    '10.0.0.1         0x1         0x2         52:54:00:12:34:56     *        eth0',
    '10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0',
    '10.0.0.3         0x1         0x6         00:11:32:00:00:01     *        eth0',
    '',
  ].join('\n');
  assert.deepEqual(
    [...readArp(table)],
    [['10.0.0.1', '52:54:00:12:34:56']],
    'one that was put there by hand has answered nothing',
  );
  assert.equal(readArp('').size, 0);
});
