import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { TlsProbe } from '../../../model/probe.ts';
import { newBucket } from '../../logic/pace.ts';
import { createGuard } from '../../scanner/guard.ts';
import { lookAt } from '../../scanner/observe.ts';
import { type Listening, tlsServer } from '../../../loop/discovery/testing/index.ts';
import { newTarget } from '../contract.ts';
import { identifyAndProbe } from '../identify.ts';
import { type Disposable, listenWith, look, type Pki, selfSigned } from '../testing.ts';

let pki: Pki;
let server: Listening;
before(async () => {
  pki = selfSigned();
  server = await tlsServer('127.0.0.1', {
    key: readFileSync(pki.key, 'utf8'),
    cert: readFileSync(pki.certificate, 'utf8'),
  });
});
after(async () => {
  await server.close();
  pki.remove();
});

/** In front of the real server; hellos of this version get no answer, always or so many times. */
const deafTo = (version: number, times = Infinity): Promise<Disposable> => {
  let deaf = 0;
  return listenWith((socket) => {
    socket.once('data', (hello: Buffer) => {
      if (hello.readUInt16BE(9) === version && deaf++ < times) return;
      const inside = connect(server.port, '127.0.0.1');
      inside.on('error', () => undefined);
      inside.write(hello);
      socket.pipe(inside).pipe(socket);
    });
  });
};

test('a version whose hello is not answered in time is unknown: neither spoken nor not', async (t) => {
  const deaf = await deafTo(0x0300);
  t.after(() => deaf.close());
  const probe = (await look(deaf.port)) as TlsProbe;
  assert.deepEqual([probe.versions, probe.unknownVersions], [['TLSv1.2', 'TLSv1.3'], ['SSLv3']]);
});

test('waiting for the rate of the scope takes nothing from the time of the probe', async (t) => {
  // Never quicker than this, so that a probe which ran out of time gets no answer.
  const slow = await listenWith((socket) => {
    const inside = connect(server.port, '127.0.0.1');
    inside.on('error', () => undefined);
    socket.pipe(inside);
    inside.on('data', (answer: Buffer) => setTimeout(() => socket.write(answer), 30));
    inside.on('close', () => setTimeout(() => socket.destroy(), 60));
  });
  t.after(() => slow.close());
  const bucket = newBucket(3, performance.now());
  const guard = createGuard({ allows: (address) => address === '127.0.0.1', bucket });
  const at = { address: '127.0.0.1', port: slow.port, connectMs: 1000, deadlineMs: 1500 };
  const began = performance.now();
  const probe = (await identifyAndProbe(newTarget(guard, at))) as TlsProbe;
  assert.ok(performance.now() - began > at.deadlineMs, 'it had to wait for longer than it had time');
  assert.deepEqual([probe.versions, probe.unknownVersions], [['TLSv1.2', 'TLSv1.3'], undefined]);
  assert.ok(probe.cipher, 'the last handshake had its time too');
});

test('a scan looks once more at what left something open, and takes the better of both looks', async (t) => {
  const guard = createGuard({
    allows: (address) => address === '127.0.0.1',
    bucket: newBucket(1000, performance.now()),
  });
  const [slow, deaf] = await Promise.all([deafTo(0x0300, 1), deafTo(0x0300)]);
  t.after(() => Promise.all([slow.close(), deaf.close()]));
  const pairs = [slow, deaf].map(({ port }) => ({ address: '127.0.0.1', port }));
  const looks = await lookAt(guard, pairs, () => new Date());
  const unknown = looks.map(({ result }) => (result as TlsProbe).unknownVersions);
  assert.deepEqual(unknown, [undefined, ['SSLv3']]);
});
