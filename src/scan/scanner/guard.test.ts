import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../model/errors/index.ts';
import { newBucket, newRtt } from '../logic/pace.ts';
import { freePort, listenWith } from '../probes/testing.ts';
import { createGuard } from './guard.ts';
import { sweep } from './sweep.ts';

const guardOf = (allowed: string[], rate = 10_000) =>
  createGuard({ allows: (address) => allowed.includes(address), bucket: newBucket(rate, performance.now()) });

test('1.1: the guard refuses every address that it was not given, however it is spelled', async () => {
  const guard = guardOf(['127.0.0.1']);
  for (const address of ['127.0.0.2', 'localhost', '127.1', '0x7f000001', '::1', '', '127.0.0.1 ', '2130706433']) {
    await assert.rejects(
      guard.connect(address, 1, { timeoutMs: 100 }),
      (error) => isAppError(error, 'ADDRESS_NOT_ALLOWED'),
      address,
    );
  }
});

test('nothing else here, nor in discovery or the agent’s patrols, opens a connection', () => {
  const src = join(import.meta.dirname, '../..');
  const files = globSync(['scan/**/*.ts', 'loop/discovery/**/*.ts', 'agent/patrol/**/*.ts'], { cwd: src }).filter(
    (file) => !/test(ing)?/.test(file),
  );
  assert.ok(files.length > 30);
  const opening = files.filter((file) => {
    const text = readFileSync(join(src, file), 'utf8');
    return /import (?!type)[^;]*from '(node:net|node:http|node:https|node:dgram|node:http2|undici)'|\bfetch\(/.test(
      text,
    );
  });
  // A source asks the name server that an operator named, for whole zones: it looks at no machine.
  const door = ['loop/discovery/sources/dns.ts', 'scan/scanner/guard.ts', 'scan/scanner/udp.ts'];
  assert.deepEqual(opening.toSorted(), door);
  // Faster ways lie in one folder. The guard alone puts something through them, the rest only says which is taken.
  const mention = (what: RegExp): string[] =>
    files.filter((file) => what.test(readFileSync(join(src, file), 'utf8'))).map((file) => file.split('\\').join('/'));
  // Datagrams have a file of their own, which the guard alone calls.
  assert.deepEqual(mention(/from '[^']*\/udp\.ts'/), ['scan/scanner/guard.ts']);
  // SNMP's library sends through the guard: it is given the guard's datagrams instead of Node's.
  assert.deepEqual(mention(/from 'net-snmp'/), ['loop/discovery/sources/snmp/session.ts']);
  const native = 'scan/scanner/native';
  assert.deepEqual(mention(/['"`]koffi['"`]|process\.(binding|dlopen)|\bcreateRequire\b/), [`${native}/libc.ts`]);
  assert.deepEqual(mention(/node:(worker_threads|child_process|cluster)/).toSorted(), [
    `${native}/link.ts`,
    `${native}/thread.ts`,
  ]);
  assert.deepEqual(mention(/\[?\b(SEND|DROP)\b\]?/).toSorted(), [
    'scan/scanner/connector.ts',
    'scan/scanner/guard.ts',
    `${native}/link.ts`,
    'scan/scanner/portable.ts',
  ]);
  const outside = files.filter((file) => !file.startsWith(native));
  const entering = outside.filter((file) =>
    /\/native\/(?!choose\.ts)|startLink/.test(readFileSync(join(src, file), 'utf8')),
  );
  assert.deepEqual(entering, []);
  assert.deepEqual(mention(/import (?!type)[^;]*\/native\/choose\.ts/).toSorted(), [
    'loop/discovery/run-scan.ts',
    // Whether there is a way to ping at all, for an estimate.
    'loop/discovery/scans.ts',
  ]);
  assert.deepEqual(mention(/import \{ canPing \} from/), ['loop/discovery/scans.ts']);
  // The TLS client only ever speaks over a socket that the guard gave.
  const clients = files.filter((file) => /from '(node:tls|ssh2)'/.test(readFileSync(join(src, file), 'utf8')));
  assert.deepEqual(clients, ['scan/probes/tls/library.ts']);
  for (const file of clients) assert.match(readFileSync(join(src, file), 'utf8'), /\bsocket,/);
});

test('connecting ends in words: refused, or no answer in time', async () => {
  const guard = guardOf(['127.0.0.1']);
  const port = await freePort();
  await assert.rejects(guard.connect('127.0.0.1', port, { timeoutMs: 500 }), (error) =>
    isAppError(error, 'CONNECT_REFUSED'),
  );
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(guard.connect('127.0.0.1', port, { timeoutMs: 500, signal: abort.signal }));
});

test('1.1: a sweep keeps the rate', async (t) => {
  const times: number[] = [];
  // Others try all ports of 127.0.0.1 meanwhile.
  const server = await listenWith(() => times.push(performance.now()), '127.0.9.1');
  t.after(() => server.close());
  const started = performance.now();
  const ended = await sweep({
    guard: guardOf(['127.0.9.1'], 100),
    from: 0,
    to: 60,
    pairAt: () => ({ address: '127.0.9.1', port: server.port }),
    rtt: newRtt(),
    concurrency: 50,
    report: async () => true,
  });
  assert.ok(ended);
  // 10 at once, then 100 a second.
  assert.ok(performance.now() - started > 480, `took ${performance.now() - started} ms`);
  // The server hears of the last one a moment after we do.
  for (let wait = 0; wait < 20 && times.length < 60; wait++) await sleep(20);
  assert.equal(times.length, 60);
});

test('a sweep that is told to stop reports no pair as tried that was not', async () => {
  const tried = new Set<number>();
  let cursor = 0;
  const ended = await sweep({
    guard: guardOf(['127.0.0.1'], 200),
    from: 0,
    to: 10_000,
    pairAt: (index) => {
      tried.add(index);
      return { address: '127.0.0.1', port: 1 };
    },
    rtt: newRtt(),
    concurrency: 20,
    reportEveryMs: 50,
    report: async (progress) => {
      cursor = progress.cursor;
      return cursor < 30;
    },
  });
  assert.equal(ended, false);
  assert.ok(cursor >= 30 && cursor < 200);
  for (let index = 0; index < cursor; index++) assert.ok(tried.has(index));
});
