import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { collectFacts } from '../facts/collect.ts';
import { sshHost } from './index.ts';
import { newSshKey } from './testing/keys.ts';
import { testSshServer } from './testing/server.ts';

const out = (command: string, ...args: string[]): string[] =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\n')
    .filter(Boolean);
const skip = !existsSync('/usr/bin/dpkg-query') || process.getuid?.() !== 0;

for (const interpreters of [false, true])
  test(
    `1.3: packages, processes and sockets of a machine over SSH, without an agent, are what its own tools say${interpreters ? ', in one go' : ''}`,
    { skip: skip && 'needs root on Debian or a relative' },
    async () => {
      const server = await testSshServer({
        interpreters,
        root: '/',
        username: 'ops',
        password: 'up',
        hostKey: newSshKey().private,
        address: '127.78.7.1',
      });
      const listening = createServer().listen(0, '127.78.7.2');
      const target = { address: '127.78.7.1', port: server.port, username: 'ops', trust: server.fingerprint };
      const host = await sshHost({ ...target, auth: { password: 'up' } });
      try {
        const sections = await collectFacts(host, {
          cache: new Map(),
          now: () => new Date(),
          names: ['packages', 'processes', 'sockets'],
        });
        const of = (name: string): Record<string, unknown>[] => {
          const section = sections.find((one) => one.name === name)!;
          assert.equal(section.error, undefined, `${name}: ${section.error}`);
          return section.data as Record<string, unknown>[];
        };
        assert.deepEqual(
          of('packages')
            .filter(({ status }) => status === 'installed')
            .map(({ name, version, arch }) => `${name} ${version} ${arch}`)
            .sort(),
          out('dpkg-query', '-W', '-f', '${db:Status-Status} ${Package} ${Version} ${Architecture}\n')
            .filter((line) => line.startsWith('installed '))
            .map((line) => line.slice('installed '.length))
            .sort(),
        );
        const pids = new Map(of('processes').map((one) => [one['pid'], one]));
        assert.equal(pids.get(process.pid)?.['ppid'], process.ppid);
        assert.ok(pids.has(1));
        const { port } = listening.address() as AddressInfo;
        const mine = of('sockets').find((one) => one['address'] === '127.78.7.2' && one['port'] === port);
        assert.equal(mine?.['pid'], process.pid);
        if (existsSync('/usr/bin/ss') || existsSync('/bin/ss')) {
          const said = out('ss', '-tlnpH').filter((line) => line.includes(`127.78.7.2:${port}`));
          assert.match(said.join(), new RegExp(`pid=${process.pid},`));
        }
      } finally {
        await host.close();
        await server.close();
        listening.close();
      }
    },
  );
