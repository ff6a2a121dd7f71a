import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import type { Notice } from '../../../model/notice.ts';
import { deliver, mail } from './channels.ts';
import { withoutSecrets } from './mask.ts';

const at = '2026-03-01T00:00:00.000Z';
const notice: Notice = {
  format: 'lastember/notice/v1',
  id: 'notice_1',
  at,
  title: 'a test',
  text: 'a test',
  counts: {},
  events: [],
  more: 0,
  from: 0,
  until: 0,
  url: null,
};

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('a mail server that talks for ever is given up, and the connection to it is closed', async (t) => {
  let closed: () => void;
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  const server = createServer((socket) => {
    socket.write('220 x\r\n');
    const drip = setInterval(() => socket.write('250-x\r\n'), 20);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => {
      clearInterval(drip);
      closed();
    });
  });
  t.after(() => server.close());
  const channel = {
    kind: 'email' as const,
    smtp: `127.0.0.1:${await portOf(server)}`,
    security: 'none' as const,
    from: 'a@example.org',
    to: ['b@example.org'],
  };
  await assert.rejects(mail(channel, notice, 'x', 300), /did not take it within 0\.3 s/);
  await isClosed;
});

test('of what a chat answers only the number is kept: it may say back the URL', async (t) => {
  const server = createHttpServer((request, response) => response.writeHead(404).end(`Cannot POST ${request.url}`));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${await portOf(server)}/services/T000/B000/SECRETTOKEN`;
  await assert.rejects(deliver({ kind: 'chat', url }, notice, new Date(at), 'x'), { message: 'it answered 404' });
});

test('a URL that is secret is hidden in each of its longer parts, as sent and decoded', () => {
  const url = 'https://chat.example.org/services/T000/SECRET%2FTOKEN?sig=s3cret-s3cret';
  const told = [url, '/services/T000/SECRET%2FTOKEN?sig=s3cret-s3cret', 'SECRET/TOKEN', 'T000 and s3cret-s3cret'];
  assert.equal(withoutSecrets(told.join(' | '), [url]), '… | … | … | T000 and …');
  assert.equal(withoutSecrets('no, not with key', ['key']), 'no, not with …');
  assert.equal(withoutSecrets('all of it stays', ['']), 'all of it stays');
});
