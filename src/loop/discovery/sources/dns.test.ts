import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestContext, test } from 'node:test';
import { dns } from './dns.ts';
import { readAll } from './testing/api.ts';

const ZONE = `$TTL 300
@ IN SOA ns.example.org. host.example.org. 1 3600 600 86400 300
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.80
www IN A 192.0.2.81
www IN AAAA 2001:db8::80
* IN A 192.0.2.99
alias IN CNAME www
mail IN MX 10 www
`;
const REVERSE = `$TTL 300
@ IN SOA ns.example.org. host.example.org. 1 3600 600 86400 300
@ IN NS ns.example.org.
7 IN PTR printer.example.org.
`;
/** More than one message holds. */
const MANY = 3000;

async function named(t: TestContext, port: number): Promise<void> {
  const at = mkdtempSync(join(tmpdir(), 'lastember-named-'));
  const many = Array.from({ length: MANY }, (_, n) => `h${n} IN A 198.18.${n >> 8}.${n & 255}\n`).join('');
  writeFileSync(join(at, 'example.org'), ZONE);
  writeFileSync(join(at, 'many.example'), ZONE.replaceAll('example.org', 'many.example') + many);
  writeFileSync(join(at, 'reverse'), REVERSE);
  const zone = (name: string, file: string, allow: string): string =>
    `zone "${name}" { type primary; file "${join(at, file)}"; allow-transfer { ${allow}; }; };\n`;
  writeFileSync(
    join(at, 'named.conf'),
    `options { directory "${at}"; pid-file none; session-keyfile none; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; notify no; recursion no; dnssec-validation no; };
controls { };\n${zone('example.org', 'example.org', 'any')}${zone('many.example', 'many.example', 'any')}${zone('2.0.192.in-addr.arpa', 'reverse', 'any')}${zone('private.example', 'example.org', 'none')}`,
  );
  const server = spawn('named', ['-f', '-n', '1', '-c', join(at, 'named.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  t.after(async () => {
    if (server.exitCode === null && server.kill()) await once(server, 'exit');
    rmSync(at, { recursive: true });
  });
  for (let tries = 0; tries < 600; tries++) {
    const up = await readAll(dns, { server: '127.0.0.1', port: String(port), zones: 'example.org' }).catch(notYet);
    if (up) return;
    if (server.exitCode !== null) throw new Error(`named ended: ${said}`);
    await sleep(100);
  }
  throw new Error(`named did not come up: ${said}`);
}

/** Whatever else is wrong is a mistake of ours. */
function notYet(error: unknown): null {
  if (error instanceof Error && /ECONNREFUSED|NOTAUTH/.test(error.message)) return null;
  throw error;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('1.16: zones of a real name server: every address, names of addresses, large zones, and a refusal', async (t) => {
  if (spawnSync('named', ['-V']).error) {
    t.skip('named (bind9) is not installed');
    return;
  }
  const port = await freePort();
  await named(t, port);
  const read = (zones: string) => readAll(dns, { server: '127.0.0.1', port: String(port), zones });
  const { records, skipped } = await read('example.org, 2.0.192.in-addr.arpa.');
  assert.deepEqual(records.map(({ name, addresses }) => `${name} ${addresses[0]}`).toSorted(), [
    'ns.example.org 192.0.2.1',
    'printer.example.org 192.0.2.7',
    'www.example.org 192.0.2.80',
    'www.example.org 192.0.2.81',
    'www.example.org 2001:db8::80',
  ]);
  assert.deepEqual(skipped, ['name with an asterisk']);
  const many = await read('many.example');
  assert.equal(many.records.filter(({ name }) => /^h\d+\./.test(name ?? '')).length, MANY);
  await assert.rejects(read('private.example'), /refused to transfer private\.example \(REFUSED\)/);
  await assert.rejects(read('absent.example'), /refused to transfer absent\.example \(NOTAUTH\)/);
});

test('a server that hangs up, lies or talks without end does not hang or fill us', async (t) => {
  const answers: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answers[0] ?? ''));
  }).listen(0, '127.77.80.2');
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const read = () => readAll(dns, { server: '127.77.80.2', port: String(port), zones: 'example.org' });
  answers[0] = Buffer.alloc(0);
  await assert.rejects(read(), /ended the transfer of example\.org before its end/);
  answers[0] = Buffer.from([0, 4, 1, 2, 3, 4]);
  await assert.rejects(read(), Error);
  answers[0] = Buffer.concat([Buffer.from([0, 12]), Buffer.alloc(12)]);
  await assert.rejects(read(), /answered another question|ended the transfer|refused/);
  await assert.rejects(readAll(dns, { server: 'ns.example.org', zones: 'x' }), /name the server by its address/);
});
