import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gather } from './reader-gather.ts';
import type { Ask } from './reader-talk.ts';

/** A host whose answers lie one behind the other in what came, as they do on the wire. */
function answering(parts: readonly string[]): Ask {
  return async (_op, _text, _limit, onPart) => {
    const all = parts.map((part) => Buffer.from(`A ${Buffer.byteLength(part)}\n${part}`));
    const bytes = Buffer.concat([...all, Buffer.from('D 0\n')]);
    let at = 0;
    for (const one of all) {
      const start = bytes.indexOf(10, at) + 1;
      at += one.length;
      onPart?.(bytes, start, at);
    }
    return { status: 'D', data: Buffer.alloc(0) };
  };
}

test('what is read in one go: each answer is what lies between its ends, whatever stands beside it', async () => {
  const answers = [
    ['r', 'D', '/etc/ü\nx', 'a\nb 1\n'],
    ['s', 'N', '/none', ''],
    ['k', 'E', '/proc/1/fd', 'why not\n'],
    ['y', 'D', '/vmlinuz', 'boot/vmlinuz'],
    ['l', 'L', '/large', ''],
  ] as const;
  const parts = answers.map(([op, status, path, data]) => `${op} ${status} ${Buffer.byteLength(path)}\n${path}${data}`);
  const known = await gather(answering(parts), []);
  // What was too large is left for who asks for it.
  const told = answers.filter(([, status]) => status !== 'L');
  assert.deepEqual(
    [...known].map(([key, { status, data }]) => [key, status, data.toString()]),
    told.map(([op, status, path, data]) => [`${op} ${path}`, status, data]),
  );
});

test('what is read in one go: an answer that says of more than it holds is nobody’s', async () => {
  for (const part of ['r D 99\n/x', 'r D x\n/x', 'r D 2', '', 'r D \n'.slice(0, 4)])
    await assert.rejects(gather(answering([part, 'r D 2\n/yz']), []), /does not say what it is about/, part);
});
