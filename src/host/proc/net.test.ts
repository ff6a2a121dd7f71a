import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { addressOf, parseTcp, type TcpRow } from './net.ts';

/** Each row taken apart as a whole, then those left out of which no fact is made. */
function plainly(text: string): TcpRow[] {
  const rows = text.split('\n').slice(1);
  return rows.flatMap((row): TcpRow[] => {
    const [, local = '', peer = '', state, , , , , , inode] = row.trim().split(/\s+/);
    const [from = '', fromPort = '', to = '', toPort = ''] = [...local.split(':'), ...peer.split(':')];
    if (inode === undefined || (state !== '0A' && state !== '01')) return [];
    return [
      {
        localAddress: addressOf(from),
        localPort: Number.parseInt(fromPort, 16),
        peerAddress: addressOf(to),
        peerPort: Number.parseInt(toPort, 16),
        state: state === '0A' ? 'listen' : 'established',
        inode,
      },
    ];
  });
}

/** As the kernel writes them, from a fixed seed. */
function table(words: number, count: number): string {
  let seed = 42;
  const next = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most;
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => next(16).toString(16).toUpperCase()).join('');
  const end = (): string => `${hex(8 * words)}:${hex(4)}`;
  const rows = Array.from({ length: count }, (_, index) => {
    const slot = String(index * next(400)).padStart(4);
    const state = (1 + next(12)).toString(16).toUpperCase().padStart(2, '0');
    return `${slot}: ${end()} ${end()} ${state} ${hex(8)}:${hex(8)} 00:${hex(8)} ${hex(8)} ${next(70_000)} 0 ${next(9_999_999)} 1 ${hex(16)} 20 4 30 10 -1`;
  });
  return `  sl  local_address rem_address   st tx_queue rx_queue\n${rows.map((row) => `${row.padEnd(149)}\n`).join('')}`;
}

test('sockets: rows that are passed over unread are those of which nothing is told', () => {
  for (const words of [1, 4]) {
    const text = table(words, 2000);
    const rows = parseTcp(text);
    assert.ok(rows.length > 100 && rows.length < 1000);
    assert.deepEqual(rows, plainly(text));
    // A table that ends in the middle of a row: whatever is whole is told, and nothing is made up.
    for (let cut = text.length - 400; cut < text.length; cut += 7) {
      const part = text.slice(0, cut);
      assert.deepEqual(parseTcp(part), plainly(part), `${cut}`);
    }
  }
  assert.deepEqual(['', 'sl', '\n', '\n\n\n', 'a\nb\n', 'sl\n: :'].flatMap(parseTcp), []);
});

const real = ['/proc/net/tcp', '/proc/net/tcp6'].filter((path) => fs.existsSync(path));
test('sockets: as this machine’s kernel writes them', { skip: real.length === 0 && 'there is no /proc/net' }, () => {
  for (const path of real) {
    const text = fs.readFileSync(path, 'utf8');
    assert.deepEqual(parseTcp(text), plainly(text), path);
  }
});
