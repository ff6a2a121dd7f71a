import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { after, before, test, type TestContext } from 'node:test';
import type { TlsProbe } from '../../../model/probe.ts';
import { listenWith, look, type Pki, selfSigned } from '../testing.ts';
import { RECORD, record, u16 } from './wire.ts';

const TLS12 = 0x0303;
let pki: Pki;
let der: Buffer;
before(() => {
  pki = selfSigned();
  der = new X509Certificate(readFileSync(pki.certificate)).raw;
});
after(() => pki.remove());

const u24 = (n: number): Buffer => Buffer.from([n >> 16, (n >> 8) & 255, n & 255]);
const message = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([type]), u24(body.length), body]);

/** ServerHello (TLS 1.2, heartbeats), Certificate, ServerHelloDone; in pieces that do not fit the messages. */
function firstFlight(): Buffer {
  const hello = Buffer.concat([
    u16(TLS12),
    Buffer.alloc(32),
    Buffer.from([0]),
    u16(0x002f),
    Buffer.from([0, 0, 5, 0, 15, 0, 1, 1]),
  ]);
  const chain = Buffer.concat([u24(der.length), der]);
  const all = Buffer.concat([
    message(2, hello),
    message(11, Buffer.concat([u24(chain.length), chain])),
    message(14, Buffer.alloc(0)),
  ]);
  return Buffer.concat([
    record(22, TLS12, all.subarray(0, 7)),
    record(22, TLS12, all.subarray(7, 300)),
    record(22, TLS12, all.subarray(300)),
  ]);
}

interface Heartbeat {
  claimed: number;
  /** as much payload as was sent, at most what was claimed */
  payload: Buffer;
  proper: boolean;
}

/** A TLS 1.2 server, as far as the probe goes, that treats heartbeats as `behave` says. */
async function serve(t: TestContext, behave: (socket: Socket, heartbeat: Heartbeat) => void): Promise<number> {
  const server = await listenWith((socket) => {
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 5 && buffered.length >= 5 + buffered.readUInt16BE(3)) {
        const body = buffered.subarray(5, 5 + buffered.readUInt16BE(3));
        if (buffered[0] === RECORD.handshake) answerHello(socket, body);
        if (buffered[0] === RECORD.heartbeat) behave(socket, readRequest(body));
        buffered = buffered.subarray(5 + body.length);
      }
    });
  });
  t.after(() => server.close());
  return server.port;
}

function answerHello(socket: Socket, body: Buffer): void {
  // Its legacy version says 1.2 in a TLS 1.3 hello, too; only those have a session id.
  const wants12 = body.readUInt16BE(4) === TLS12 && body[38] === 0;
  if (wants12) socket.write(firstFlight());
  else socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 70]));
}

function readRequest(body: Buffer): Heartbeat {
  const claimed = body.readUInt16BE(1);
  return { claimed, payload: body.subarray(3, 3 + claimed), proper: 3 + claimed + 16 <= body.length };
}

function respond(socket: Socket, payload: Buffer): void {
  socket.write(
    record(RECORD.heartbeat, TLS12, Buffer.concat([Buffer.from([2]), u16(payload.length), payload, Buffer.alloc(16)])),
  );
}

const proofOf = async (port: number, deadlineMs?: number): Promise<TlsProbe['heartbleed']> => {
  const result = await look(port, deadlineMs);
  assert.equal(result.protocol, 'tls');
  return (result as TlsProbe).heartbleed;
};

test('a server that answers with more than it was sent is vulnerable; only the number of bytes is kept', async (t) => {
  const secret = 'private key bits';
  const port = await serve(t, (socket, { claimed, payload }) => {
    respond(socket, Buffer.concat([payload, Buffer.from(secret.repeat(4))]).subarray(0, claimed));
  });
  const proof = await proofOf(port);
  assert.equal(proof.verdict, 'vulnerable');
  assert.equal(proof.leakedBytes, 16);
  assert.equal(proof.version, 'TLSv1.2');
  assert.doesNotMatch(JSON.stringify(proof), /private key/);
});

test('a server that passes over the long one and answers the proper one is safe', async (t) => {
  const port = await serve(t, (socket, { proper, payload }) => {
    if (proper) respond(socket, payload);
  });
  assert.deepEqual(await proofOf(port), {
    verdict: 'safe',
    extension: true,
    version: 'TLSv1.2',
    leakedBytes: 0,
    reason: 'the over-long heartbeat was ignored, a proper one answered',
  });
});

test('a server that refuses, by alert or by hanging up, is safe', async (t) => {
  const alert = await serve(t, (socket) => void socket.write(Buffer.from([21, 3, 3, 0, 2, 2, 10])));
  assert.match((await proofOf(alert)).reason, /refused with an alert/);
  const close = await serve(t, (socket) => void socket.end());
  const closed = await proofOf(close);
  assert.equal(closed.verdict, 'safe');
  assert.match(closed.reason, /connection closed/);
});

test('a server that answers neither leaves it unknown, never safe', async (t) => {
  const port = await serve(t, () => undefined);
  const proof = await proofOf(port);
  assert.equal(proof.verdict, 'unknown');
  assert.equal(proof.extension, true);
});

test('an answer that is not to our question proves nothing', async (t) => {
  const port = await serve(t, (socket) => respond(socket, Buffer.alloc(5000, 'x')));
  assert.equal((await proofOf(port)).verdict, 'unknown');
});
