import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readerApart } from './index.ts';

const reading = { memoryMb: 64, timeoutMs: 20_000 };

test('a process that cannot be started is told once in plain words, and ends nothing else', async () => {
  const read = readerApart<object, never, never>(new URL('./child.ts', import.meta.url));
  const { execPath } = process;
  const unheard: unknown[] = [];
  const hears = (error: unknown): void => void unheard.push(error);
  process.on('uncaughtException', hears);
  try {
    process.execPath = '/nonexistent/node';
    const file = { asked: {}, bytes: Buffer.alloc(300_000), stopping: new AbortController().signal, reading };
    await assert.rejects(read(file), /the process that reads it did not start \(.*ENOENT/);
    await sleep(300);
  } finally {
    process.execPath = execPath;
    process.off('uncaughtException', hears);
  }
  assert.deepEqual(unheard, []);
});
