import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { ServiceProbe } from '../../model/probe.ts';
import { freePort, look, startServer, wants } from './testing.ts';

/** A directory of the test's own, for servers that write. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'lastember-live-'));
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
