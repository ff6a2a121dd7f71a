import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { isAppError } from '../../model/errors/index.ts';
import { ProbeResult, type ServiceProbe, type UnknownProbe } from '../../model/probe.ts';
import { introduction } from './amqp.ts';
import { readDocument } from './mongodb/wire.ts';
import { PROBES } from './registry.ts';
import { type Disposable, listenWith, look, selfSigned, targetAt } from './testing.ts';

type Answers = Record<string, [status: number, body: unknown, headers?: Record<string, string>]>;

/** An API over HTTP that answers as documented, by method and path. */
async function api(t: TestContext, answers: Answers): Promise<number> {
  const behave: RequestListener = ({ method, url }, response) => {
    const [status, body, headers] = answers[`${method} ${url?.split('?')[0]}`] ??
      answers['else'] ?? [404, 'no such page'];
    const isText = typeof body === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };
  const server = createHttp(behave).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const STATUS = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden', code: 403 };
const KUBERNETES = { major: '1', minor: '31', gitVersion: 'v1.31.2', goVersion: 'go1.22.8', platform: 'linux/amd64' };
const ETCD = { etcdserver: '3.5.16', etcdcluster: '3.5.0' };
const ELASTIC = {
  name: 'node-1',
  cluster_name: 'shop',
  version: { number: '8.15.3', lucene_version: '9.11.1' },
  tagline: 'You Know, for Search',
};
const OPENSEARCH = {
  ...ELASTIC,
  version: { distribution: 'opensearch', number: '2.17.1' },
  tagline: 'The OpenSearch Project: https://opensearch.org/',
};
const DOCKER_HEADERS = {
  'Api-Version': '1.47',
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: 'Docker/27.3.1 (linux)',
};
const MANAGEMENT = '<!doctype html><html><head><title>RabbitMQ Management</title>';

const APIS: [
  name: string,
  answers: Answers,
  expected: [protocol: string, product: string, version: string | undefined, access: string],
][] = [
  ['Elasticsearch', { 'GET /': [200, ELASTIC] }, ['elasticsearch', 'Elasticsearch', '8.15.3', 'open']],
  [
    'Elasticsearch with a password',
    { else: [401, { error: {} }, { 'WWW-Authenticate': 'Basic realm="security", charset="UTF-8"' }] },
    ['elasticsearch', 'Elasticsearch', undefined, 'refused'],
  ],
  ['OpenSearch', { 'GET /': [200, OPENSEARCH] }, ['elasticsearch', 'OpenSearch', '2.17.1', 'open']],
  [
    'the Kubernetes API',
    { 'GET /version': [200, KUBERNETES], else: [403, STATUS] },
    ['kubernetes', 'Kubernetes', 'v1.31.2', 'refused'],
  ],
  [
    'a Kubernetes API that serves anybody',
    {
      'GET /': [200, { paths: ['/.well-known/openid-configuration', '/api'] }],
      'GET /version': [200, KUBERNETES],
      else: [200, { kind: 'NamespaceList' }],
    },
    ['kubernetes', 'Kubernetes', 'v1.31.2', 'open'],
  ],
  [
    'etcd',
    { 'GET /version': [200, ETCD], 'POST /v3/kv/range': [200, { count: '3' }] },
    ['etcd', 'etcd', '3.5.16', 'open'],
  ],
  [
    'etcd with users',
    { 'GET /version': [200, ETCD], 'POST /v3/kv/range': [400, { error: 'etcdserver: user name is empty', code: 3 }] },
    ['etcd', 'etcd', '3.5.16', 'refused'],
  ],
  [
    'Docker',
    {
      'GET /version': [200, { Version: '27.3.1', ApiVersion: '1.47' }, DOCKER_HEADERS],
      'GET /containers/json': [200, [], DOCKER_HEADERS],
      else: [404, { message: 'page not found' }, DOCKER_HEADERS],
    },
    ['docker', 'Docker', '27.3.1', 'open'],
  ],
  [
    'a proxy that tells Docker’s version and nothing else',
    {
      'GET /version': [200, { Version: '27.3.1', ApiVersion: '1.47' }, DOCKER_HEADERS],
      else: [403, 'forbidden'],
    },
    ['docker', 'Docker', '27.3.1', 'refused'],
  ],
  [
    'RabbitMQ’s management',
    {
      'GET /': [200, MANAGEMENT, { 'content-type': 'text/html' }],
      else: [401, { error: 'not_authorized' }, { 'WWW-Authenticate': 'Basic realm="RabbitMQ Management"' }],
    },
    ['rabbitmq', 'RabbitMQ', undefined, 'refused'],
  ],
  [
    'anything else',
    { 'GET /': [200, { hello: 'world' }, { server: 'nginx/1.26.2' }] },
    ['http', 'nginx', '1.26.2', 'open'],
  ],
];

test('APIs over HTTP are told from pages and from each other, at whatever port', async (t) => {
  const check = async ([name, answers, expected]: (typeof APIS)[number]): Promise<void> => {
    const { protocol, product, version, access, what } = (await look(await api(t, answers))) as ServiceProbe;
    assert.deepEqual([protocol, product, version, access], expected, `${name}: ${what}`);
  };
  for (const one of APIS) await check(one);
});

const bson = (...fields: Buffer[]): Buffer => {
  const body = Buffer.concat([...fields, Buffer.from([0])]);
  const length = Buffer.alloc(4);
  length.writeInt32LE(body.length + 4);
  return Buffer.concat([length, body]);
};
const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};
const field = (type: number, name: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
const string = (name: string, value: string): Buffer =>
  field(2, name, Buffer.concat([int(value.length + 1), Buffer.from(`${value}\0`)]));

/** A server that speaks MongoDB's documented wire protocol: OP_QUERY for isMaster, OP_MSG for what follows. */
function mongo(socket: Socket, locked: boolean): void {
  const answer = (request: Buffer, document: Buffer): void => {
    const isQuery = request.readInt32LE(12) === 2004;
    const head = isQuery
      ? Buffer.concat([int(8), int(0), int(0), int(0), int(1)])
      : Buffer.concat([int(0), Buffer.from([0])]);
    socket.write(
      Buffer.concat([
        int(16 + head.length + document.length),
        int(7),
        request.subarray(4, 8),
        int(isQuery ? 1 : 2013),
        head,
        document,
      ]),
    );
  };
  socket.on('data', (request: Buffer) => {
    if (request.length < 16 || request.readInt32LE(0) !== request.length) return void socket.destroy();
    const text = request.toString('latin1');
    const nested = field(3, 'topologyVersion', bson(field(16, 'counter', int(1))));
    if (text.includes('isMaster'))
      answer(
        request,
        bson(
          nested,
          field(8, 'ismaster', Buffer.from([1])),
          field(16, 'maxWireVersion', int(21)),
          field(1, 'ok', double(1)),
        ),
      );
    else if (text.includes('buildInfo')) answer(request, bson(string('version', '7.0.14'), field(1, 'ok', double(1))));
    else if (locked)
      answer(
        request,
        bson(
          field(1, 'ok', double(0)),
          string('errmsg', 'Command listDatabases requires authentication'),
          field(16, 'code', int(13)),
        ),
      );
    else answer(request, bson(field(4, 'databases', bson()), field(1, 'ok', double(1))));
  });
}

test('MongoDB: its version is told to anybody, its databases where nobody asks for credentials', async (t) => {
  for (const locked of [false, true]) {
    const server = await listenWith((socket) => mongo(socket, locked));
    t.after(() => server.close());
    const probe = (await look(server.port)) as ServiceProbe;
    assert.deepEqual([probe.protocol, probe.product, probe.version], ['mongodb', 'MongoDB', '7.0.14']);
    assert.equal(probe.access, locked ? 'refused' : 'open', probe.what);
  }
});

const packet = (sequence: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([body.length & 255, body.length >> 8, 0, sequence]), body]);
const MYSQL = packet(
  0,
  Buffer.concat([
    Buffer.from('\n8.0.40\0'),
    Buffer.from('0800000012345678', 'hex'),
    Buffer.from('3132333400', 'hex'),
    Buffer.from('ffffff0200ffdf15', 'hex'),
    Buffer.alloc(10),
    Buffer.from('123456789012\0caching_sha2_password\0'),
  ]),
);

test('MySQL: the user without a name is refused, let in, or asked for another proof first', async (t) => {
  const denied = Buffer.concat([
    Buffer.from([0xff]),
    Buffer.from([0x15, 0x04]),
    Buffer.from("#28000Access denied for user ''"),
  ]);
  const asksFirst = Buffer.from('\xfecaching_sha2_password\x0012345678901234567890\0', 'latin1');
  const cases: [answers: Buffer[], access: string][] = [
    [[denied], 'refused'],
    [[Buffer.from('00000002000000', 'hex')], 'open'],
    [[asksFirst, denied], 'refused'],
    [[Buffer.from('\xff\x57\x0c#HY000Connections using insecure transport are prohibited', 'latin1')], 'unknown'],
  ];
  for (const [answers, access] of cases) {
    let [hungUp, quits] = [0, 0];
    const server = await listenWith((socket) => {
      socket.write(MYSQL);
      let sequence = 0;
      socket.on('close', () => void (hungUp += sequence === 0 ? 1 : 0));
      socket.on('data', (bytes) => {
        if (bytes.equals(packet(0, Buffer.from([1])))) return void quits++;
        const next = answers[sequence++];
        if (next) socket.write(packet(bytes[3]! + 1, next));
      });
    });
    t.after(() => server.close());
    const probe = (await look(server.port)) as ServiceProbe;
    assert.deepEqual(
      [probe.protocol, probe.product, probe.version, probe.access],
      ['mysql', 'MySQL', '8.0.40', access],
    );
    assert.equal(probe.details['tls'], 'offered');
    assert.equal(hungUp, 0, 'it blocks addresses that hang up on its greeting');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(quits, access === 'open' ? 2 : 0, 'whoever is let in leaves as clients do');
  }
});

const longText = (value: string): Buffer => Buffer.concat([Buffer.from('S'), long(value)]);
const long = (value: string | Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value)]);
};
const short = (name: string): Buffer => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]);

function amqpStart(mechanisms: string): Buffer {
  const capabilities = Buffer.concat([
    Buffer.from('F'),
    long(Buffer.concat([short('basic.nack'), Buffer.from('t\x01')])),
  ]);
  const table = [
    short('capabilities'),
    capabilities,
    short('product'),
    longText('RabbitMQ'),
    short('version'),
    longText('3.10.8'),
  ];
  const body = Buffer.concat([
    Buffer.from([0, 10, 0, 10, 0, 9]),
    long(Buffer.concat(table)),
    long(mechanisms),
    long('en_US'),
  ]);
  return Buffer.concat([Buffer.from([1, 0, 0]), long(body), Buffer.from([0xce])]);
}

test('AMQP: who introduces itself, and that nobody is let in without credentials', async (t) => {
  for (const [mechanisms, access] of [
    ['PLAIN AMQPLAIN', 'refused'],
    ['PLAIN ANONYMOUS', 'unknown'],
  ] as const) {
    const server = await listenWith((socket) =>
      socket.on('data', (bytes) => {
        // Whoever starts otherwise is told how to, and hung up on.
        if (bytes.toString('latin1').startsWith('AMQP')) socket.write(amqpStart(mechanisms));
        else socket.end(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
      }),
    );
    t.after(() => server.close());
    const probe = (await look(server.port)) as ServiceProbe;
    assert.deepEqual(
      [probe.protocol, probe.product, probe.version, probe.access],
      ['amqp', 'RabbitMQ', '3.10.8', access],
    );
  }
});

/** Says this to whoever connects, and these answers to lines that begin so; to others `500`. */
const lines = (t: TestContext, greeting: string, answers: Record<string, string> = {}, hangsUp = false) =>
  served(t, (socket) => {
    if (hangsUp) return void socket.end(greeting);
    socket.write(greeting);
    socket.on('data', (bytes) => {
      const said = bytes.toString('latin1');
      const found = Object.entries(answers).find(([line]) => said.startsWith(line));
      socket.write(found ? found[1] : '500 what?\r\n');
    });
  });

async function served(t: TestContext, behave: (socket: Socket) => void): Promise<number> {
  const server = await listenWith(behave);
  t.after(() => server.close());
  return server.port;
}

const probeAt = (protocol: string, port: number, as = port, deadlineMs = 3000): Promise<ServiceProbe> =>
  PROBES.find((probe) => probe.protocol === protocol)!.probe({
    ...targetAt(port),
    // Of each of its conversations.
    left: () => deadlineMs,
    port: as,
  }) as Promise<ServiceProbe>;

test('a busy server of files or mail is busy, and no chat', async (t) => {
  for (const greeting of [
    '421 There are too many connections from your internet address.\r\n',
    '421 Too many connections (8) from this IP\r\n',
    '421 4.7.0 mx.example Error: too many connections from 127.0.0.1\r\n',
    '421 Too many concurrent SMTP connections; please try again later.\r\n',
  ]) {
    const port = await lines(t, greeting, {}, true);
    await assert.rejects(look(port), (error) => isAppError(error, 'PROBE_STOPPED'), greeting);
  }
  const chat = await served(
    t,
    (socket) => void socket.write(':irc.example 020 * :Please wait\r\n:irc.example 451 * :x\r\n'),
  );
  assert.equal((await look(chat)).protocol, 'irc');
});

test('what turns us away in words of its own is kept as such', async (t) => {
  const port = await lines(t, 'Exceeded MaxStartups\r\n', {}, true);
  assert.equal(((await look(port)) as UnknownProbe).hungUp, true);
});

test('that TLS is not offered is said only by whoever told all it can do', async (t) => {
  const starttls = async (protocol: string, port: number, as?: number): Promise<unknown> =>
    (await probeAt(protocol, port, as)).details['starttls'];
  const mail = '220 mx ESMTP\r\n';
  assert.equal(await starttls('smtp', await lines(t, mail, { EHLO: '250-mx\r\n250 SIZE\r\n' })), 'not offered');
  assert.equal(await starttls('smtp', await lines(t, mail, { EHLO: '421 4.3.2 mx busy\r\n' })), undefined);
  assert.equal(await starttls('smtp', await lines(t, mail, { EHLO: '450 4.7.1 later\r\n' })), undefined);
  assert.equal(await starttls('smtp', await lines(t, '554 mx ESMTP not accepting messages\r\n')), undefined);
  assert.equal(await starttls('imap', await lines(t, '* BYE busy\r\n')), undefined);
  assert.equal(await starttls('pop3', await lines(t, '+OK\r\n', { CAPA: '-ERR x\r\n', STAT: '-ERR\r\n' })), undefined);
  const files = { FEAT: '211 none\r\n', PWD: '530 no\r\n' };
  assert.equal(await starttls('ftp', await lines(t, '220 FTP\r\n', files)), 'not offered');
  assert.equal(await starttls('ftp', await lines(t, '220 FTP\r\n', { ...files, AUTH: '421 busy\r\n' })), undefined);
  const stream = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>";
  const chat = await lines(t, '', { '<?xml': `${stream}<stream:error><x/></stream:error></stream:stream>` });
  assert.equal(await starttls('xmpp', chat, 5269), undefined);
  const full = 'SFATAL\0C53300\0Msorry, too many clients already\0\0';
  for (const [answer, expected] of [
    ['N', 'not offered'],
    ['E', undefined],
  ]) {
    const database = await served(t, (socket) =>
      socket.on('data', (bytes) => {
        if (bytes.length === 8) socket.write(answer!);
        else
          socket.write(
            Buffer.concat([
              Buffer.from('E'),
              long(Buffer.alloc(0)).subarray(0, 3),
              Buffer.from([full.length + 4]),
              Buffer.from(full),
            ]),
          );
      }),
    );
    assert.equal(await starttls('postgresql', database), expected);
  }
});

test('a desktop that is slow for some layers is not taken for one that wants NLA', async (t) => {
  const nla = Buffer.from([3, 0, 0, 19, 14, 0xd0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 2, 0, 0, 0]);
  const desktop = (others: (socket: Socket) => void) =>
    served(t, (socket) => socket.on('data', (bytes) => (bytes[15] === 2 ? socket.write(nla) : others(socket))));
  const hangsUp = await probeAt('rdp', await desktop((socket) => socket.destroy()));
  assert.deepEqual([hangsUp.access, hangsUp.details['starttls']], ['refused', 'not offered']);
  const port = await desktop(() => undefined);
  const slow = await probeAt('rdp', port, port, 300);
  assert.deepEqual([slow.access, slow.details['starttls']], ['unknown', undefined]);
});

test('a share that does not answer for a dialect has not said no to it', async (t) => {
  const agreed = (dialect: number): Buffer => {
    const message = Buffer.alloc(74);
    message.writeUInt32BE(70);
    message.writeUInt32BE(0xfe534d42, 4);
    message.writeUInt16LE(dialect, 72);
    return message;
  };
  const port = await served(t, (socket) =>
    socket.on('data', (bytes) => {
      const isSecond = bytes.readUInt32BE(4) === 0xfe534d42;
      const dialect = isSecond && bytes.length > 104 ? bytes.readUInt16LE(104) : 0;
      const isHello = isSecond && bytes.readUInt16LE(70) > 1;
      if (isHello || dialect === 0x0210) return void socket.end(agreed(dialect));
      if (dialect !== 0x0202) socket.destroy();
    }),
  );
  const share = await probeAt('smb', port, port, 400);
  assert.deepEqual([share.details['dialects'], share.details['untold']], ['2.1', '2.0.2']);
});

test('what was taken for somebody else is looked at on, and an echo is no TLS', async (t) => {
  const device = await served(t, (socket) => socket.on('data', () => socket.write('ERROR\r\n')));
  const { protocol, answers } = (await look(device)) as UnknownProbe;
  assert.equal(protocol, 'unknown');
  assert.ok(answers!.length > 0);
  const echo = await served(t, (socket) => socket.on('data', (bytes) => socket.write(bytes)));
  assert.equal((await look(echo)).protocol, 'unknown');
});

test('a mail server that is called ftp is one', async (t) => {
  const port = await lines(t, '220 ftp.example.com ESMTP Postfix\r\n', { EHLO: '250 ftp.example.com\r\n' });
  assert.equal((await look(port)).protocol, 'smtp');
  const files = await lines(t, '220 smtp.example.com FTP server\r\n', { FEAT: '211 none\r\n', PWD: '530 no\r\n' });
  assert.equal((await look(files)).protocol, 'ftp');
});

test('a port that hangs up before anything was said is left alone', async (t) => {
  let connections = 0;
  const port = await served(t, (socket) => {
    connections++;
    socket.end();
  });
  assert.deepEqual(await look(port), { protocol: 'unknown', banner: '' });
  assert.equal(connections, 1);
});

test('NATS that is full, or hangs up, has refused nobody', async (t) => {
  const INFO = 'INFO {"server_id":"x","version":"2.10.1"}\r\n';
  for (const [answer, access] of [
    ["-ERR 'maximum connections exceeded'\r\n", 'unknown'],
    ["-ERR 'Authorization Violation'\r\n", 'refused'],
    ['PONG\r\n', 'open'],
  ] as const)
    assert.equal((await probeAt('nats', await lines(t, INFO, { CONNECT: answer }))).access, access, answer);
});

test('FTP: commands that are refused before a login say nothing of anonymous, unless they do', async (t) => {
  const access = async (greeting: string, directory: string): Promise<string> =>
    (await probeAt('ftp', await lines(t, greeting, { FEAT: '211 none\r\n', PWD: directory }))).access;
  assert.equal(await access('220 FTP\r\n', '530 Please login with USER and PASS.\r\n'), 'unknown');
  assert.equal(
    await access('220-This is a private system - No anonymous login\r\n220 FTP\r\n', '530 no\r\n'),
    'refused',
  );
  assert.equal(await access('220-Only anonymous FTP is allowed here\r\n220 FTP\r\n', '530 no\r\n'), 'unknown');
  assert.equal(await access('220 FTP\r\n', '257 "/" is where you are\r\n'), 'open');
});

test('PostgreSQL that wants TLS is asked again within it', async (t) => {
  const pki = selfSigned();
  t.after(() => pki.remove());
  const says = (type: string, body: string): Buffer => {
    const head = Buffer.alloc(5, type);
    head.writeUInt32BE(body.length + 4, 1);
    return Buffer.concat([head, Buffer.from(body, 'latin1')]);
  };
  const onlyByTls = says(
    'E',
    'SFATAL\0C28000\0Mno pg_hba.conf entry for host "x", user "y", database "z", no encryption\0\0',
  );
  const database = (tls: boolean) =>
    served(t, (socket) =>
      socket.once('data', (bytes) => {
        if (bytes.length !== 8) return void socket.end(onlyByTls);
        socket.write(tls ? 'S' : 'N');
        if (!tls) return;
        const secure = new TLSSocket(socket, {
          isServer: true,
          key: readFileSync(pki.key),
          cert: readFileSync(pki.certificate),
        });
        secure.on('error', () => undefined);
        secure.once('data', () => secure.write(says('R', '\0\0\0\0')));
      }),
    );
  assert.equal((await probeAt('postgresql', await database(false))).access, 'unknown');
  const port = await database(true);
  const open = await probeAt('postgresql', port, port, 15_000);
  assert.ok(open.tls);
  assert.equal(open.access, 'open', open.what);
});

test('whatever bytes arrive, recognising them throws nothing, and readers of tables end', () => {
  const starts = ['', 'HTTP/1.1 200 OK\r\n\r\n', 'AMQP', 'INFO {', '\n8.0', 'E\0\0\x01\0SFATAL\0'];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...starts), (rest, start) => {
      const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest]);
      for (const probe of PROBES) {
        assert.equal(typeof probe.recognises(bytes), 'boolean');
        if (probe.asks) assert.equal(typeof probe.asks.knows(bytes), 'boolean');
      }
      readDocument(Buffer.from(rest));
      introduction(Buffer.from(rest));
    }),
    { numRuns: 300 },
  );
});

test('what strangers say fits the model, whatever it is', async (t) => {
  const long = 'x\x1b[2J\u202e'.repeat(5000);
  const port = await api(t, {
    'GET /': [200, { ...ELASTIC, cluster_name: long, name: long, version: { number: long } }],
  });
  const probe = ProbeResult.parse(await look(port));
  assert.doesNotMatch(JSON.stringify(probe), /\\u001b|\u202e/);
  assert.ok(JSON.stringify(probe).length < 2000);
});

test('a port that hangs up on every opening is asked seven times, not nine', async (t) => {
  let asked = 0;
  const server = await listenWith((socket) => {
    socket.on('data', () => {
      asked++;
      socket.destroy();
    });
  });
  t.after(() => server.close());
  assert.deepEqual(await look(server.port), { protocol: 'unknown', banner: '' });
  assert.equal(asked, 7);
});

test('what hangs up on others is known at a port that is not its own', async (t) => {
  const curt = (own: (bytes: Buffer) => Buffer | null): Promise<Disposable> =>
    listenWith((socket) => socket.on('data', (bytes) => socket.end(own(bytes) ?? '')));
  const broker = await curt((bytes) => (bytes[0] === 0x10 ? Buffer.from([0x20, 2, 0, 5]) : null));
  t.after(() => broker.close());
  assert.equal((await look(broker.port)).protocol, 'mqtt');
});
