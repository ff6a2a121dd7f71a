import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { collect, commandLine, says } from '../cli/testing/binary.ts';
import { sshServer } from '../loop/discovery/testing/index.ts';
import { testPlatform, type TestPlatform } from '../platform/testing.ts';

const cli = commandLine(process.env);
let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(async () => {
  await platform.close();
  cli.remove();
});

/** A process of its own on the one database, with the application's rights. */
async function start(
  t: TestContext,
  role: 'server' | 'worker',
  name: string,
): Promise<{ url: string; data: string; stop(): Promise<number | null> }> {
  const data = join(cli.home, name);
  const env = {
    DATABASE_URL: platform.urls.app,
    LASTEMBER_DATABASE_OWNER_URL: platform.urls.owner,
    LASTEMBER_VAULT_KEY_FILE: join(platform.config.dataDir, 'vault.key'),
    LASTEMBER_DATABASE_POOL: '4',
  };
  const args = role === 'server' ? ['--port', '0', '--agent-port', '0'] : [];
  const child = cli.start([role, '--data', data, '--json', ...args], { env });
  // A test that fails must not wait for what it started.
  t.after(() => child.exitCode === null && child.kill('SIGKILL'));
  const said = collect(child);
  await says(child, said, /"pid":\d+\}/);
  return {
    url: JSON.parse(said.out.split('\n').find((line) => line.includes('"pid"'))!).url,
    data,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = (await once(child, 'close')) as [number | null];
      return code;
    },
  };
}

test('servers and a worker on one PostgreSQL: asked at one server, done by the worker, seen at the other', async (t) => {
  const ssh = await sshServer('127.78.4.9');
  t.after(() => ssh.close());
  const [one, two] = await Promise.all([start(t, 'server', 'one'), start(t, 'server', 'two')]);
  const scan = await cli.run([
    '--data',
    one.data,
    'scan',
    '127.78.4.9',
    '--ports',
    String(ssh.port),
    '--no-wait',
    '--json',
  ]);
  assert.equal(scan.code, 0, scan.err);
  const waiting = await cli.run(['--data', two.data, 'hosts', '--json']);
  assert.deepEqual(JSON.parse(waiting.out), [], 'a server alone does no work');
  const worker = await start(t, 'worker', 'three');
  assert.equal(worker.url, null);
  let hosts: { addresses: string[] }[] = [];
  for (let tries = 0; tries < 40 && hosts.length === 0; tries += 1)
    hosts = JSON.parse((await cli.run(['--data', two.data, 'hosts', '--json'])).out) as typeof hosts;
  assert.deepEqual(
    hosts.map((host) => host.addresses),
    [['127.78.4.9']],
  );
  // Each is its own: one that stops takes its own token back, not the other's.
  assert.equal(await one.stop(), 0);
  assert.equal((await cli.run(['--data', two.data, 'status'])).code, 0);
  assert.deepEqual(await Promise.all([two.stop(), worker.stop()]), [0, 0]);
});
