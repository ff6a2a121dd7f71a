import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenWith, targetAt } from '../probes/testing.ts';
import { Conversation } from './conversation.ts';

test('a socket that one conversation released is read by the next, with what came early', async (t) => {
  const server = await listenWith((socket) => {
    socket.write('hello');
    socket.on('data', (bytes) => socket.write(`you said ${bytes.toString()}`));
  });
  t.after(() => server.close());
  const socket = await targetAt(server.port).connect();
  const bounds = { deadlineMs: 2000, maxBytes: 100 };
  const first = new Conversation(socket, bounds);
  assert.equal((await first.read(3)).toString(), 'hel');
  const second = new Conversation(first.release(), bounds);
  assert.equal((await second.read(2)).toString(), 'lo');
  second.write(Buffer.from('x'));
  assert.equal((await second.read(10)).toString(), 'you said x');
  second.close();
});
