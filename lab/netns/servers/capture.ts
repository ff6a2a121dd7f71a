/**
 * `node bin/run.mjs lab/netns/servers/capture.ts`: starts the servers and writes what they said to our probes into
 * src/scan/probes/fixtures, from where the probes' tests play it without the servers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { newBucket } from '../../../src/scan/logic/pace.ts';
import type { Captured } from '../../../src/scan/probes/fixtures/played.ts';
import { createGuard, type Guard } from '../../../src/scan/scanner/guard.ts';
import { lookAt } from '../../../src/scan/scanner/observe.ts';
import { lookAtUdp } from '../../../src/scan/scanner/observe-udp.ts';
import { down } from '../down.ts';
import { must } from '../command.ts';
import { netnsPath } from '../place.ts';
import { NETWORK } from '../spec.ts';
import { TestLab } from '../testing/lab.ts';
import { addressOf, upServers } from './start.ts';
import { SERVERS, truthsOf } from './table.ts';

const TARGET = join(import.meta.dirname, '../../../src/scan/probes/fixtures');
/** Those whose probes have the fixtures; the others bring their own. */
const PROTOCOLS = 'dns ftp imap ipmi irc ldap ntp pop3 rdp rpc rsync smb smtp snmp vnc xmpp'.split(' ');

interface Wanted {
  name: string;
  version: string;
  address: string;
  port: number;
  udp: boolean;
}

interface Event {
  from: 'us' | 'server';
  bytes: Buffer;
}

/** TLS is never the same twice: what follows an upgrade is not kept. */
const isTls = (bytes: Buffer): boolean => bytes[0]! >= 0x14 && bytes[0]! <= 0x17 && bytes[1] === 3;

function pairsOf(events: readonly Event[]): { greeting: Buffer; pairs: [Buffer, Buffer][] } {
  const merged: Event[] = [];
  for (const event of events) {
    const last = merged.at(-1);
    if (last?.from === event.from) last.bytes = Buffer.concat([last.bytes, event.bytes]);
    else merged.push({ ...event });
  }
  const greeting = merged[0]?.from === 'server' ? merged.shift()!.bytes : Buffer.alloc(0);
  const pairs: [Buffer, Buffer][] = [];
  for (let at = 0; at + 1 < merged.length && !isTls(merged[at]!.bytes); at += 2)
    pairs.push([merged[at]!.bytes, merged[at + 1]!.bytes]);
  return { greeting, pairs };
}

function recording(guard: Guard): { guard: Guard; connections: Event[][] } {
  const connections: Event[][] = [];
  const record = (socket: Socket): Socket => {
    const events: Event[] = [];
    connections.push(events);
    socket.on('data', (bytes: Buffer) => events.push({ from: 'server', bytes }));
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (...args: unknown[]) => {
      events.push({ from: 'us', bytes: Buffer.from(args[0] as Uint8Array) });
      return write(...args);
    };
    return socket;
  };
  return {
    connections,
    guard: {
      ...guard,
      connect: async (...args) => record(await guard.connect(...args)),
      exchange: async (address, port, bytes, how) => {
        const exchanged = await guard.exchange(address, port, bytes, how);
        for (const answer of exchanged.answers)
          connections.push([
            { from: 'us', bytes },
            { from: 'server', bytes: answer },
          ]);
        return exchanged;
      },
    },
  };
}

async function captureOne(wanted: Wanted): Promise<Captured | null> {
  const plain = createGuard({
    allows: (address) => address.startsWith(`${NETWORK}.0.`),
    bucket: newBucket(1000, performance.now()),
  });
  const { guard, connections } = recording(plain);
  const look = wanted.udp ? lookAtUdp : lookAt;
  const [seen] = await look(guard, [wanted], () => new Date());
  const result = seen?.result;
  if (!result || !('access' in result) || !PROTOCOLS.includes(result.protocol)) return null;
  const all = connections.map(pairsOf);
  const answers = new Map<string, string>();
  for (const [ask, answer] of all.flatMap(({ pairs }) => pairs)) {
    const key = ask.toString('latin1').replaceAll(wanted.address, '{address}');
    if (!answers.has(key)) answers.set(key, answer.toString('base64'));
  }
  const { tls: _tls, ...kept } = result;
  return {
    server: wanted.name,
    version: wanted.version,
    port: wanted.port,
    greeting: all.find(({ greeting }) => greeting.length > 0)?.greeting.toString('base64') ?? '',
    answers: [...answers].map(([ask, answer]) => ({ ask: Buffer.from(ask, 'latin1').toString('base64'), answer })),
    result: kept,
  };
}

async function inside(): Promise<void> {
  const wanted = (await json(process.stdin)) as Wanted[];
  const captured: [string, Captured][] = [];
  for (const one of wanted) {
    const fixture = await captureOne(one);
    if (fixture) captured.push([`${one.name}-${one.port}${one.udp ? '-udp' : ''}`, fixture]);
  }
  process.stdout.write(JSON.stringify(captured));
}

async function outside(): Promise<void> {
  const lab = new TestLab('c');
  try {
    const up = await upServers(lab.place, SERVERS);
    const wanted = truthsOf(SERVERS, up.versions).map(({ server, port, udp, packageVersion }): Wanted => ({
      name: server.name,
      version: packageVersion,
      address: addressOf(server),
      port,
      udp: udp ?? false,
    }));
    const argv = ['nsenter', `--net=${netnsPath(lab.place.name)}`, process.execPath, import.meta.filename, 'inside'];
    const captured = JSON.parse(await must(argv, { input: JSON.stringify(wanted) })) as [string, Captured][];
    mkdirSync(TARGET, { recursive: true });
    for (const [name, fixture] of captured)
      writeFileSync(join(TARGET, `${name}.json`), `${JSON.stringify(fixture, null, 2)}\n`);
  } finally {
    await down(lab.place);
  }
}

await (process.argv[2] === 'inside' ? inside() : outside());
