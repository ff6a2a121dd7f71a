import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceProbe } from '../../model/probe.ts';
import { findBinaries } from '../../platform/db/embedded/binaries.ts';
import { postgresqlProbe } from '../../scan/probes/postgresql.ts';
import { freePort, look, selfSigned, startServer, targetAt } from '../../scan/probes/testing.ts';

const NOBODY = 65_534;

function assertAccess(probe: ServiceProbe, access: ServiceProbe['access']): void {
  assert.equal(probe.protocol, 'postgresql', JSON.stringify(probe));
  assert.deepEqual([probe.product, probe.access], ['PostgreSQL', access], probe.what);
}

test('a real PostgreSQL that trusts everybody is open, one that wants a password is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lastember-live-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o755);
  const { initdb, postgres } = await findBinaries(null, join(dir, 'programs'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, NOBODY, NOBODY);
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const data = join(dir, 'data');
  execFileSync(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '--no-instructions'], {
    ...as,
    stdio: 'ignore',
  });
  // Its probe itself: of an unusual port, a version from 17 on is known as TLS first, which it speaks directly as well.
  const read = (port: number): Promise<ServiceProbe> => postgresqlProbe.probe(targetAt(port)) as Promise<ServiceProbe>;
  const start = async (look: (port: number) => Promise<unknown>, ...more: string[]): Promise<ServiceProbe> => {
    const port = await freePort();
    const argv = [postgres, '-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', dir, '-c', 'fsync=off', ...more];
    const server = await startServer(argv, port, as);
    t.after(() => server.close());
    // While it recovers from the end of the one before, it tells nobody anything else.
    for (let attempt = 0; attempt < 100; attempt++) {
      const probe = (await look(port)) as ServiceProbe;
      if (!probe.what?.includes('57P03')) return server.close().then(() => probe);
      await sleep(200);
    }
    return assert.fail('it did not come up');
  };
  const open = await start(look);
  assertAccess(open, 'open');
  assert.match(open.version ?? '', /^\d+/);
  rmSync(join(data, 'postmaster.pid'), { force: true });
  writeFileSync(join(data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
  const pki = selfSigned();
  t.after(() => pki.remove());
  // Where only its own user may read it, as PostgreSQL wants it.
  const key = join(dir, 'key.pem');
  writeFileSync(key, readFileSync(pki.key), { mode: 0o600 });
  if (isRoot) chownSync(key, NOBODY, NOBODY);
  chmodSync(pki.dir, 0o755);
  const tls = { ssl: 'on', ssl_key_file: key, ssl_cert_file: pki.certificate };
  const refused = await start(read, ...Object.entries(tls).flatMap(([name, value]) => ['-c', `${name}=${value}`]));
  assertAccess(refused, 'refused');
  assert.deepEqual(refused.tls?.versions, ['TLSv1.2', 'TLSv1.3'], 'what it offers by STARTTLS is looked at');
  assert.deepEqual(refused.tls?.chain[0]?.names, ['shop.example', 'www.shop.example']);
});
