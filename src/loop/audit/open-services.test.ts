import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type { Finding } from '../../model/finding.ts';
import { type Disposable, freePort, listenWith, startServer } from '../../scan/probes/testing.ts';
import { addScope } from '../discovery/testing/index.ts';
import { world, type World } from './testing/world.ts';

const ADDRESS = '127.77.1.1';
/** Where it usually is, so that nothing else is asked first. */
const PORT = 6379;
let w: World;

before(async () => {
  w = await world();
});
after(() => w.close());

/** The real server where it is installed; elsewhere one that answers the two commands of the probe as it does. */
async function redis(password: string | null): Promise<Disposable> {
  if (spawnSync('redis-server', ['--version']).error === undefined) {
    const lock = password === null ? [] : ['--requirepass', password];
    const argv = ['redis-server', '--port', String(PORT), '--bind', ADDRESS, '--save', '', ...lock];
    return startServer(argv, PORT, { address: ADDRESS });
  }
  const info = '# Server\r\nredis_version:7.0.15\r\n';
  const behave = (socket: Socket) => (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    if (!/^\*\d\r\n/.test(text)) return;
    if (password !== null) socket.write('-NOAUTH Authentication required.\r\n');
    else socket.write(text.includes('PING') ? '+PONG\r\n' : `$${info.length}\r\n${info}\r\n`);
  };
  return listenWith((socket) => socket.on('data', behave(socket)), ADDRESS, PORT);
}

async function lookAndJudge(): Promise<Finding[]> {
  w.later();
  await w.discovery.probeNow(ADDRESS, PORT);
  await w.settle();
  return w.audit.findings({ kit: 'open-services' });
}

test('a Redis without a password is a finding, which closes when it asks for one, and opens again', async () => {
  await addScope(w.platform, { cidrs: [ADDRESS], ports: String(PORT) });
  const open = await redis(null);
  const [found, ...others] = await lookAndJudge().finally(() => open.close());
  assert.equal(others.length, 0);
  assert.ok(found);
  assert.deepEqual([found.check, found.severity, found.state], ['database', 'high', 'open']);
  assert.match(String(found.evidence['reason']), /without a password/);
  assert.equal(found.evidence['protocol'], 'redis');

  const [gone] = await lookAndJudge().catch(() => w.audit.findings({ kit: 'open-services' }));
  assert.equal(gone?.state, 'open', 'that nobody answers proves nothing');

  const locked = await redis('only-for-this-test');
  const [fixed] = await lookAndJudge().finally(() => locked.close());
  assert.deepEqual([fixed?.id, fixed?.state], [found.id, 'fixed']);

  const again = await redis(null);
  const [back] = await lookAndJudge().finally(() => again.close());
  assert.deepEqual([back?.id, back?.state], [found.id, 'rekindled']);
});

test('a page for everybody is none', async (t) => {
  const port = await freePort();
  const page = await listenWith(
    (socket) =>
      socket.on('data', () => socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<title>hello</title>')),
    ADDRESS,
    port,
  );
  t.after(() => page.close());
  const endpoint = await w.discovery.probeNow(ADDRESS, port);
  await w.settle();
  assert.equal(endpoint.service, 'http');
  const findings = await w.audit.findings({ kit: 'open-services' });
  assert.deepEqual(
    findings.filter((one) => one.endpointId === endpoint.id),
    [],
  );
});
