import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { ProbeResult } from '../../model/probe.ts';
import { readVariables } from '../logic/ntp.ts';
import { productOf, titleOf } from './http/index.ts';
import { PROBES } from './registry.ts';
import { modulesIn } from './rsync.ts';
import { listenWith, look, targetAt } from './testing.ts';
import { productOfStream } from './xmpp.ts';

/** Servers that mean harm, or are broken in a way that looks like it. None may cost us more than time and little of it. */
const HOSTILE: Record<string, (socket: Socket) => void> = {
  'says nothing, ever': () => undefined,
  'hangs up at once': (socket) => socket.destroy(),
  'resets in the middle of a record': (socket) => {
    socket.on('data', () => {
      socket.write(Buffer.from([22, 3, 3, 0x40, 0, 2]));
      socket.resetAndDestroy();
    });
  },
  'sends garbage': (socket) => void socket.write(randomBytes(4096)),
  'answers garbage': (socket) => void socket.on('data', () => socket.write(randomBytes(4096))),
  'never ends its SSH banner': (socket) => {
    socket.write('SSH-2.0-');
    pour(socket, Buffer.alloc(16_384, 'x'));
  },
  'sends lines before an SSH version that never comes': (socket) =>
    pour(socket, Buffer.from('welcome\r\nSSH\r\n'.repeat(500))),
  'sends an SSH packet of 4 GiB': (socket) =>
    void socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(64, 0xff)])),
  'sends an SSH packet that is all padding': (socket) =>
    void socket.write(
      Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from([0, 0, 0, 12, 255, 20]), Buffer.alloc(11)]),
    ),
  'drips one byte of TLS a moment': (socket) =>
    drip(socket, Buffer.concat([Buffer.from([22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xf0]), Buffer.alloc(4096)])),
  'drips an SSH banner': (socket) => drip(socket, Buffer.from(`SSH-2.0-${'slow'.repeat(50)}`)),
  'sends TLS records longer than TLS allows': (socket) =>
    void socket.on('data', () =>
      socket.write(Buffer.concat([Buffer.from([22, 3, 3, 0xff, 0xff]), Buffer.alloc(65_535)])),
    ),
  'sends empty TLS records without end': (socket) =>
    void socket.on('data', () =>
      pour(socket, Buffer.from([22, 3, 3, 0, 0].concat(...Array.from({ length: 500 }, () => [22, 3, 3, 0, 0])))),
    ),
  'sends a handshake message of 16 MiB': (socket) =>
    void socket.on('data', () => {
      socket.write(Buffer.from([22, 3, 3, 0x10, 0, 11, 0xff, 0xff, 0xff]));
      pour(socket, Buffer.concat([Buffer.alloc(4092), Buffer.from([22, 3, 3, 0x10, 0])]));
    }),
  'sends a ServerHello whose lengths lie': (socket) =>
    void socket.on('data', () =>
      socket.write(
        Buffer.concat([
          Buffer.from([22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3]),
          Buffer.alloc(32),
          Buffer.from([200]),
          Buffer.alloc(5),
        ]),
      ),
    ),
  'sends warning alerts without end': (socket) =>
    void socket.on('data', () => pour(socket, Buffer.alloc(7000, Buffer.from([21, 3, 3, 0, 2, 1, 90])))),
};

/** Answers of the services' own kind whose lengths or ends lie. `long` is what a client might wait or make room for. */
const LYING: Record<string, Buffer[]> = {
  amqp: [
    Buffer.from('010000ffffffff000a000a', 'hex'),
    Buffer.from('0100000000000d000a000affffffffffffffffffce', 'hex'),
  ],
  docker: [Buffer.from('HTTP/1.1 200 OK\r\nDocker-Experimental: x\r\nContent-Length: 9999999999\r\n\r\n{')],
  http: [
    Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nx'),
    Buffer.from(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(40_000)}`),
  ],
  mongodb: [
    Buffer.from('ffffff7f01000000656c000001000000', 'hex'),
    Buffer.from('1a00000001000000656c0000010000000000000000000000ffff', 'hex'),
  ],
  mqtt: [Buffer.from('20ffffff', 'hex'), Buffer.from('20020000', 'hex')],
  mysql: [Buffer.from('ffffff000a38', 'hex'), Buffer.from('020000000a00', 'hex'), Buffer.from('03000000ff0000', 'hex')],
  nats: [Buffer.from('INFO {"server_id":\r\n'), Buffer.from(`INFO {"server_id":"${'x'.repeat(200_000)}`)],
  postgresql: [Buffer.from('R\xff\xff\xff\xff', 'latin1'), Buffer.from('R\0\0\0\x04', 'latin1')],
  redis: [Buffer.from('+PONG\r\n$999999\r\n'), Buffer.from('$-1\r\n'), Buffer.from('+'.repeat(70_000))],
};

test('answers whose lengths lie cost a service’s probe no more than an error, soon', async (t) => {
  await Promise.all(
    Object.entries(LYING).flatMap(([protocol, answers]) =>
      answers.map(async (answer) => {
        const server = await listenWith((socket) => {
          if (['mysql', 'nats'].includes(protocol)) socket.write(answer);
          socket.on('data', () => socket.write(answer));
        });
        t.after(() => server.close());
        const started = performance.now();
        const probe = PROBES.find((one) => one.protocol === protocol)!;
        const outcome = await probe.probe(targetAt(server.port, 800)).catch((error: unknown) => error);
        assert.ok(performance.now() - started < 3500, `${protocol} took ${performance.now() - started} ms`);
        if (outcome instanceof Error) assert.ok(isAppError(outcome), `${protocol}: ${outcome.stack}`);
        else assert.equal(ProbeResult.parse(outcome).protocol, protocol);
      }),
    ),
  );
});

/** Readers of what servers say, each with what made an expression begin anew at every place. */
const LONG: Record<string, (length: number) => () => unknown> = {
  'an XMPP stream that begins without end': (length) => {
    const said = '<stream:stream'.repeat(length / 14);
    return () => productOfStream([said]);
  },
  'namespaces of a stream without end': (length) => {
    const said = 'xmlns:stream="http://etherx.jabber.org/streams"'.repeat(length / 47);
    return () => productOfStream([said]);
  },
  'links without end': (length) => () => productOf({ headers: new Map() }, '<a'.repeat(length / 2), ''),
  'tokens without end': (length) => () =>
    productOf({ headers: new Map() }, 'data-requesttoken>'.repeat(length / 18), ''),
  'titles without end': (length) => () => titleOf('<title'.repeat(length / 6)),
  'a module of blanks': (length) => () => modulesIn(`x${' '.repeat(length)}`),
  'a variable without a value': (length) => {
    const part = Buffer.alloc(12 + length, 'a');
    part[0] = 22;
    part[1] = 0x82;
    part.writeUInt16BE(length, 10);
    return () => readVariables([part]);
  },
  'a variable of blanks': (length) => {
    const part = Buffer.alloc(12 + length, ' ');
    part[0] = 22;
    part[1] = 0x82;
    part.writeUInt16BE(length, 10);
    return () => readVariables([part]);
  },
};

test('nothing that is said holds up everybody else: readers take time by its length, not by its square', () => {
  for (const [name, reader] of Object.entries(LONG)) {
    const read = reader(32 * 1024);
    const times = Array.from({ length: 3 }, () => {
      const began = performance.now();
      read();
      return performance.now() - began;
    });
    // By the square, hundreds to thousands of milliseconds.
    assert.ok(Math.min(...times) < 80, `${name}: ${Math.min(...times)} ms`);
  }
});

function pour(socket: Socket, bytes: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', more);
  more();
}

function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at >= bytes.length) clearInterval(timer);
    else socket.write(bytes.subarray(at, ++at));
  }, 20);
}

const DEADLINE = 1500;

for (const [name, behave] of Object.entries(HOSTILE)) {
  test(`a server that ${name} costs little time and little memory`, async (t) => {
    const server = await listenWith(behave);
    t.after(() => server.close());
    const started = performance.now();
    const before = process.memoryUsage().arrayBuffers;
    const outcome = await look(server.port, DEADLINE).catch((error: unknown) => error);
    assert.ok(performance.now() - started < DEADLINE + 2500, `took ${performance.now() - started} ms`);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
    if (outcome instanceof Error) assert.ok(isAppError(outcome), `an error a person can read, not ${String(outcome)}`);
    else {
      const result = ProbeResult.parse(outcome);
      assert.notEqual(result.protocol, 'tls', 'nobody here has a certificate');
      assert.notEqual(result.protocol, 'ssh', 'nobody here has a host key');
    }
  });
}

test('every probe answers a hostile server that it takes for its own with an error or a result, in time', async (t) => {
  for (const [name, behave] of Object.entries(HOSTILE)) {
    const server = await listenWith(behave);
    t.after(() => server.close());
    await Promise.all(
      PROBES.map(async (probe) => {
        const started = performance.now();
        const target = { ...targetAt(server.port, 400), greeting: Buffer.from('SSH-2.0-x\r\n') };
        const outcome = await probe.probe(target).catch((error: unknown) => error);
        assert.ok(performance.now() - started < 2500, `${probe.protocol} against one that ${name}`);
        if (outcome instanceof Error) assert.ok(isAppError(outcome), `${probe.protocol}: ${outcome.stack}`);
        else assert.equal(ProbeResult.parse(outcome).protocol, probe.protocol);
      }),
    );
  }
});

test('conformance: the registry lists every probe file, alphabetically, each with the contract’s three members', async () => {
  const protocols = PROBES.map((probe) => probe.protocol);
  assert.equal(protocols.at(-1), 'unknown', 'which takes what nobody else knows');
  assert.deepEqual(protocols.slice(0, -1), protocols.slice(0, -1).toSorted());
  const files = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || /^[a-z][a-z0-9]*\.ts$/.test(entry.name))
    .map((entry) => entry.name.replace(/\.ts$/, ''))
    .filter((name) => !['contract', 'fixtures', 'identify', 'registry', 'starttls', 'testing'].includes(name));
  assert.deepEqual(files.toSorted(), protocols.toSorted());
  for (const probe of PROBES) {
    const optional = ['asks', 'farewell', 'over', 'ports'];
    const members = Object.keys(probe).filter((name) => !optional.includes(name));
    assert.deepEqual(members.sort(), ['probe', 'protocol', 'recognises']);
    assert.ok((probe.asks?.opening({ address: '192.0.2.1', port: 1 }).length ?? 1) < 600, 'an opening is small');
    assert.ok(
      ProbeResult.options.some(({ shape }) => shape.protocol.safeParse(probe.protocol).success),
      'its result is in the model',
    );
  }
  const greetings = {
    ssh: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    tls: Buffer.from([21, 3, 3, 0, 2, 2, 40]),
    unknown: Buffer.from('220 mail'),
  };
  for (const [protocol, greeting] of Object.entries(greetings)) {
    assert.equal(PROBES.find((probe) => probe.recognises(greeting))?.protocol, protocol);
  }
});
