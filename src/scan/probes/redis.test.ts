import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort, listenWith, look, startServer, wants } from './testing.ts';
import type { ServiceProbe } from '../../model/probe.ts';

const argv = (port: number, ...more: string[]): string[] => [
  'redis-server',
  '--port',
  String(port),
  '--bind',
  '127.0.0.1',
  '--save',
  '',
  ...more,
];

test('a real Redis without a password is open, with one it is not', async (t) => {
  if (!wants(t, 'redis-server')) return;
  const check = async (more: readonly string[], access: string): Promise<void> => {
    const port = await freePort();
    const server = await startServer(argv(port, ...more), port);
    const probe = (await look(port).finally(() => server.close())) as ServiceProbe;
    assert.equal(probe.protocol, 'redis');
    assert.equal(probe.access, access);
    if (access === 'open') {
      assert.equal(probe.product, 'Redis');
      assert.match(probe.version ?? '', /^\d+\.\d+/);
    }
  };
  await Promise.all([check([], 'open'), check(['--requirepass', 'only-for-this-test'], 'refused')]);
});

const INFO =
  '# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nredis_mode:standalone\r\nos:Linux\x1b[2J 6.1\r\n';

test('what Redis and its kin answer, as captured from them', async (t) => {
  const cases: [pong: string, info: string, expected: Partial<ServiceProbe>][] = [
    ['+PONG\r\n', `$${INFO.length}\r\n${INFO}\r\n`, { product: 'Valkey', version: '8.0.1', access: 'open' }],
    ['+PONG\r\n', "-NOPERM User default has no permissions to run the 'info' command\r\n", { access: 'open' }],
    ['-NOAUTH Authentication required.\r\n', '', { access: 'refused' }],
  ];
  const check = async ([pong, info, expected]: (typeof cases)[number]): Promise<void> => {
    const server = await listenWith((socket) =>
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1');
        // A ClientHello is no command: Redis waits for the end of its line.
        if (text.includes('PING')) socket.write(pong);
        else if (text.includes('INFO')) socket.write(info);
      }),
    );
    t.after(() => server.close());
    const probe = (await look(server.port)) as ServiceProbe;
    assert.equal(probe.protocol, 'redis');
    for (const [key, value] of Object.entries(expected)) assert.equal(probe[key as keyof ServiceProbe], value);
    assert.doesNotMatch(JSON.stringify(probe), /u001b/);
  };
  await Promise.all(cases.map(check));
});
