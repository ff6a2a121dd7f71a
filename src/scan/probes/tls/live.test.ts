import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createHash, X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { oldRuntime, type OldVersion } from '../../../../lab/demo/runtimes.ts';
import type { TlsProbe } from '../../../model/probe.ts';
import { freePort, look, type Pki, selfSigned, startOldNode, startServer } from '../testing.ts';

let pki: Pki;
before(() => {
  pki = selfSigned({ bits: 1024 });
});
after(() => pki.remove());

async function lookTls(port: number): Promise<TlsProbe> {
  const result = await look(port);
  assert.equal(result.protocol, 'tls');
  return result as TlsProbe;
}

const have = (program: string, argument: string): boolean => spawnSync(program, [argument]).error === undefined;

/** What nmap's own script says; null without nmap. */
function nmapSaysVulnerable(port: number): boolean | null {
  if (!have('nmap', '--version')) return null;
  const argv = ['-Pn', '-n', '-sT', '-p', String(port), '--script', '+ssl-heartbleed', '127.0.0.1'];
  return execFileSync('nmap', argv, { encoding: 'utf8' }).includes('State: VULNERABLE');
}

const EXPECTED: Record<OldVersion, { verdict: string; extension: boolean }> = {
  '0.10.0': { verdict: 'vulnerable', extension: true },
  '0.10.1': { verdict: 'vulnerable', extension: true },
  '0.10.2': { verdict: 'safe', extension: false },
  '0.10.48': { verdict: 'safe', extension: false },
};

for (const [version, expected] of Object.entries(EXPECTED)) {
  test(`3.8: node ${version} is ${expected.verdict}, proven by a heartbeat, and nmap agrees`, async (t) => {
    const node = await oldRuntime(version as OldVersion).catch((error: Error) => error);
    if (node instanceof Error) return t.skip(`the old runtime could not be fetched: ${node.message}`);
    const server = await startOldNode(node, pki);
    t.after(() => server.close());
    const probe = await lookTls(server.port);
    assert.equal(probe.heartbleed.verdict, expected.verdict, probe.heartbleed.reason);
    assert.equal(probe.heartbleed.extension, expected.extension);
    assert.equal(probe.heartbleed.leakedBytes, expected.verdict === 'vulnerable' ? 16 : 0);
    const newest = ['TLSv1.0', 'TLSv1.1', 'TLSv1.2'];
    assert.deepEqual(
      probe.versions.filter((v) => v !== 'SSLv3'),
      newest,
    );
    const leaf = new X509Certificate(readFileSync(pki.certificate));
    assert.equal(probe.chain[0]?.serial, leaf.serialNumber);
    const nmap = nmapSaysVulnerable(server.port);
    if (nmap === null) t.diagnostic('nmap is not installed: not compared');
    else assert.equal(nmap, expected.verdict === 'vulnerable');
  });
}

test('versions and certificate of openssl s_server, TLS 1.3 only and TLS 1.2 only', async (t) => {
  if (!have('openssl', 'version')) return t.skip('openssl is not installed');
  const modern = selfSigned();
  t.after(() => modern.remove());
  for (const [flag, versions] of [
    ['-tls1_3', ['TLSv1.3']],
    ['-tls1_2', ['TLSv1.2']],
    ['-no_tls1_1', ['TLSv1.2', 'TLSv1.3']],
  ] as const) {
    const port = await freePort();
    const argv = ['openssl', 's_server', '-quiet', '-key', modern.key, '-cert', modern.certificate];
    const server = await startServer([...argv, '-accept', `127.0.0.1:${port}`, flag], port);
    const probe = await lookTls(port).finally(() => server.close());
    assert.deepEqual(probe.versions, versions, flag);
    assert.equal(probe.heartbleed.verdict, 'safe');
    const leaf = probe.chain[0]!;
    assert.deepEqual(leaf.names, ['shop.example', 'www.shop.example']);
    assert.equal(leaf.subject, 'O=Example, CN=shop.example');
    assert.equal(leaf.keyBits, 2048);
    assert.equal(leaf.spki, spkiByOpenssl(modern));
  }
});

function spkiByOpenssl(pki: Pki): string {
  const der = execFileSync('openssl', ['pkey', '-in', pki.key, '-pubout', '-outform', 'DER'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return createHash('sha256').update(der).digest('hex');
}
