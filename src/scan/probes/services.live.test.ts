import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries } from '../../platform/db/embedded/binaries.ts';
import type { ServiceProbe } from '../../model/probe.ts';
import { postgresqlProbe } from './postgresql.ts';
import { freePort, look, selfSigned, startServer, targetAt, wants } from './testing.ts';

const NOBODY = 65_534;

/** A directory of the test's own, for servers that write. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'lastember-live-'));
  chmodSync(path, 0o755);
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function lookLive(argv: (port: number) => string[]): Promise<ServiceProbe> {
  const port = await freePort();
  const server = await startServer(argv(port), port);
  return (await look(port).finally(() => server.close())) as ServiceProbe;
}

function assertIs(probe: ServiceProbe, protocol: string, product: string, access: string): void {
  assert.equal(probe.protocol, protocol, JSON.stringify(probe));
  assert.deepEqual([probe.product, probe.access], [product, access], probe.what);
}

test('a real Memcached is open', async (t) => {
  if (!wants(t, 'memcached')) return;
  const probe = await lookLive((port) => [
    'memcached',
    '-u',
    'nobody',
    '-l',
    '127.0.0.1',
    '-p',
    String(port),
    '-U',
    '0',
  ]);
  assertIs(probe, 'memcached', 'Memcached', 'open');
  assert.match(probe.version ?? '', /^\d+\.\d+/);
});

test('a real NATS is open, or refused where it wants a token', async (t) => {
  if (!wants(t, 'nats-server')) return;
  const argv = (more: string[]) => (port: number) => ['nats-server', '-a', '127.0.0.1', '-p', String(port), ...more];
  const [open, refused] = await Promise.all([lookLive(argv([])), lookLive(argv(['--auth', 'for-this-test']))]);
  assertIs(open, 'nats', 'NATS', 'open');
  assert.match(open.version ?? '', /^\d+\.\d+/);
  assertIs(refused, 'nats', 'NATS', 'refused');
});

test('a real Mosquitto is open, or refused where it wants a password', async (t) => {
  if (!wants(t, 'mosquitto')) return;
  const dir = folder(t);
  const argv = (anybody: boolean) => (port: number) => {
    const file = join(dir, `${anybody}.conf`);
    writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous ${anybody}\n`);
    return ['mosquitto', '-c', file];
  };
  const [open, refused] = await Promise.all([lookLive(argv(true)), lookLive(argv(false))]);
  assertIs(open, 'mqtt', 'Mosquitto', 'open');
  assert.match(open.version ?? '', /^\d+\.\d+/);
  assert.deepEqual([refused.protocol, refused.access], ['mqtt', 'refused'], refused.what);
});

test('a real etcd is open', async (t) => {
  if (!wants(t, 'etcd')) return;
  const [dir, peers] = [folder(t), await freePort()];
  const urls = (port: number) => `http://127.0.0.1:${port}`;
  const probe = await lookLive((port) => [
    'etcd',
    `--data-dir=${dir}`,
    `--listen-client-urls=${urls(port)}`,
    `--advertise-client-urls=${urls(port)}`,
    `--listen-peer-urls=${urls(peers)}`,
  ]);
  assertIs(probe, 'etcd', 'etcd', 'open');
  assert.match(probe.version ?? '', /^3\.\d+/);
});

test('a real MariaDB refuses the user without a name, and without its grants lets everybody in', async (t) => {
  if (!wants(t, 'mariadbd') || !wants(t, 'mariadb-install-db')) return;
  const dir = folder(t);
  const base = dirname(dirname(execFileSync('sh', ['-c', 'command -v mariadbd'], { encoding: 'utf8' }).trim()));
  const where = ['--no-defaults', `--basedir=${base}`, `--datadir=${dir}`];
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  const made = spawnSync(
    'mariadb-install-db',
    [...where, ...asRoot, '--skip-test-db', '--auth-root-authentication-method=normal'],
    {
      encoding: 'utf8',
    },
  );
  if (made.status !== 0) return t.skip(`a database could not be made: ${made.stderr.slice(0, 200)}`);
  const argv = (more: string[]) => (port: number) => [
    'mariadbd',
    ...where,
    ...asRoot,
    ...more,
    '--bind-address=127.0.0.1',
    `--port=${port}`,
    `--socket=${join(dir, 'socket')}`,
  ];
  const narrow = await lookLive(argv([]));
  assertIs(narrow, 'mysql', 'MariaDB', 'refused');
  const wide = await lookLive(argv(['--skip-grant-tables']));
  assertIs(wide, 'mysql', 'MariaDB', 'open');
  assert.match(wide.version ?? '', /^1\d\.\d+/);
});

test('a real PostgreSQL that trusts everybody is open, one that wants a password is not', async (t) => {
  const dir = folder(t);
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
  assertIs(open, 'postgresql', 'PostgreSQL', 'open');
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
  assertIs(refused, 'postgresql', 'PostgreSQL', 'refused');
  assert.deepEqual(refused.tls?.versions, ['TLSv1.2', 'TLSv1.3'], 'what it offers by STARTTLS is looked at');
  assert.deepEqual(refused.tls?.chain[0]?.names, ['shop.example', 'www.shop.example']);
});
