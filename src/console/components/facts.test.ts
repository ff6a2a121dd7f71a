import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf } from './facts.ts';

const lines = (value: unknown): string[] => factsOf(value).map(({ name, value: words }) => `${name}: ${words}`);

test('nested values keep the way to them in their name, and plain lists stay on one line', () => {
  const evidence = {
    served: { spki: 'c590', names: ['pay', 'shop'] },
    processes: [{ pid: 4711, old: true }, { pid: 4712 }],
    'net.ipv4.tcp_syncookies': '1',
  };
  assert.deepEqual(lines(evidence), [
    'served.spki: c590',
    'served.names: pay, shop',
    'processes[0].pid: 4711',
    'processes[0].old: yes',
    'processes[1].pid: 4712',
    'net.ipv4.tcp_syncookies: 1',
  ]);
});

test('nothing is said in words, and is not left out', () => {
  assert.deepEqual(lines({ cause: null, left: [], before: {}, note: '' }), [
    'cause: –',
    'left: none',
    'before: none',
    'note: empty',
  ]);
});
