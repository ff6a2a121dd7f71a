import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { createSecureContext, createServer } from 'node:tls';
import fc from 'fast-check';
import type { TlsKnown, TlsProbe } from '../../../model/probe.ts';
import { serverNames } from '../../logic/server-names.ts';
import { newTarget } from '../contract.ts';
import { freePort, loopbackGuard, startServer, wants } from '../testing.ts';
import { tlsProbe } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'lastember-names-'));
const file = (name: string): string => join(dir, name);
const NAMES = ['shop.example', 'blog.example'];

before(() => {
  for (const name of NAMES) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(`${name}.key`)];
    const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-days', '30'];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', file(`${name}.pem`), ...names], { stdio: 'ignore' });
  }
});
after(() => rmSync(dir, { recursive: true, force: true }));

async function look(port: number, names: string[], known: TlsKnown | null = null): Promise<TlsProbe> {
  const target = newTarget(loopbackGuard(), { address: '127.0.0.1', port, connectMs: 1000, names, known });
  return (await tlsProbe.probe(target)) as TlsProbe;
}
const shown = ({ named }: TlsProbe) => named?.map(({ names, chain }) => [names, chain[0]?.names ?? null]);

async function openssl(t: TestContext, ...more: string[]): Promise<number> {
  const port = await freePort();
  const of = (name: string, two: string): string[] => [
    `-key${two}`,
    file(`${name}.key`),
    `-cert${two}`,
    file(`${name}.pem`),
  ];
  const both = [...of('shop.example', ''), ...of('blog.example', '2'), '-servername', 'blog.example'];
  const argv = ['openssl', 's_server', '-quiet', ...both, '-accept', `127.0.0.1:${port}`, ...more];
  const server = await startServer(argv, port);
  t.after(() => server.close());
  return port;
}

test('a server of two names shows a certificate to each, and both are seen', async (t) => {
  if (!wants(t, 'openssl')) return;
  for (const version of ['-tls1_2', '-tls1_3']) {
    const port = await openssl(t, version);
    const seen = await look(port, ['shop.example', 'blog.example', 'wiki.example']);
    assert.deepEqual(seen.chain[0]?.names, ['shop.example'], version);
    assert.deepEqual(shown(seen), [
      [['shop.example', 'wiki.example'], null],
      [['blog.example'], ['blog.example']],
    ]);
    assert.equal((await look(port, [])).named, undefined, 'without a name there is none to ask by');
  }
});

test('a name that the server refuses is left out, and one without an answer keeps what was seen', async (t) => {
  if (!wants(t, 'openssl')) return;
  const port = await openssl(t, '-servername_fatal');
  const seen = await look(port, ['blog.example', 'wiki.example']);
  assert.deepEqual(shown(seen), [[['blog.example'], ['blog.example']]]);
  const again = await look(port, ['blog.example', 'wiki.example'], {
    ...seen,
    named: [{ names: ['wiki.example'], chain: seen.chain }],
  });
  assert.deepEqual(shown(again), [[['blog.example'], ['blog.example']]], 'refused is an answer');
  const deaf = createServer({
    SNICallback: () => undefined,
    key: readFileSync(file('shop.example.key')),
    cert: readFileSync(file('shop.example.pem')),
  });
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  t.after(() => void deaf.close());
  const silent = await look((deaf.address() as AddressInfo).port, ['blog.example'], seen);
  assert.deepEqual(shown(silent), [[['blog.example'], ['blog.example']]]);
});

test('a server that speaks only to those who say whom they ask for is asked by name', async (t) => {
  const contexts = new Map(
    NAMES.map((name) => [
      name,
      createSecureContext({ key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}.pem`)) }),
    ]),
  );
  const strict = createServer({ SNICallback: (name, done) => done(null, contexts.get(name)) });
  strict.on('tlsClientError', () => undefined);
  strict.listen(0, '127.0.0.1');
  await once(strict, 'listening');
  t.after(() => void strict.close());
  const { port } = strict.address() as AddressInfo;
  await assert.rejects(look(port, []), /no version was agreed upon/);
  const seen = await look(port, ['blog.example', 'shop.example']);
  assert.deepEqual([seen.versions, seen.chain[0]?.names], [['TLSv1.2', 'TLSv1.3'], ['blog.example']]);
  assert.deepEqual(shown(seen), [
    [['blog.example'], null],
    [['shop.example'], ['shop.example']],
  ]);
});

test('only names of DNS are sent, each once, and no more than a few', () => {
  const told = serverNames(
    ['Shop.Example.', '*.example', '192.0.2.1', 'a b', '-x', '', 'shop.example'],
    ['web-1', '::1'],
  );
  assert.deepEqual(told, ['shop.example', 'web-1']);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.domain(), fc.string(), fc.ipV4(), fc.ipV6())), (texts) => {
      const names = serverNames(texts);
      assert.ok(names.length <= 8 && new Set(names).size === names.length);
      for (const name of names.filter((one) => !one.includes('xn--')))
        assert.equal(URL.parse(`http://${name}/`)?.hostname, name);
    }),
  );
});
