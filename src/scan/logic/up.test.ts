import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ECHO_BYTES, readArp, readEcho, writeEcho } from './ping.ts';
import { reallyUp, type Up } from './up.ts';

const addresses = (count: number, net = '10.0.0'): string[] => Array.from({ length: count }, (_, at) => `${net}.${at}`);
const up = (address: string, mac?: string): Up => ({ address, how: 'icmp', mac });

test('1.11: a subnet of which every address answers, and a card that answers for many, are nobody', () => {
  const asked = addresses(32);
  assert.deepEqual(
    reallyUp(
      asked,
      asked.map((one) => up(one)),
    ),
    { up: [], bogus: 32 },
  );
  assert.equal(
    reallyUp(
      asked,
      asked.slice(1).map((one) => up(one)),
    ).bogus,
    0,
    'one that does not answer, and they are many',
  );
  assert.equal(
    reallyUp(
      addresses(15),
      addresses(15).map((one) => up(one)),
    ).bogus,
    0,
    'few are few',
  );
  const router = asked.slice(0, 9).map((one) => up(one, 'aa'));
  const other = up('10.0.0.30', 'bb');
  assert.deepEqual(reallyUp(asked, [...router, other]), { up: [other], bogus: 9 });
  assert.equal(reallyUp(asked, router.slice(0, 8)).bogus, 0);
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
    [
      ['10.0.0.1', '52:54:00:12:34:56'],
      ['10.0.0.3', '00:11:32:00:00:01'],
    ],
  );
  assert.equal(readArp('').size, 0);
});
