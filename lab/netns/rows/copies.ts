/** An image with the agent in it, and machines that are copies of one another. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildDeb } from '../../../scripts/packages/deb.ts';
import { until } from '../../demo/run/wait.ts';
import { must } from '../command.ts';
import { findInit } from '../start.ts';
import { differences, listing, processes, reports, sh, type Rows } from './context.ts';

/** The agent with all that is its own on a host. */
export const TREE = [
  'opt/lastember',
  'etc/lastember',
  'var/lib/lastember',
  'etc/systemd/system/lastember-agent.service',
];
const IDENTITY = '/var/lib/lastember/identity.json';

/** Root of a host, as the machine sees it. */
const rootOf = ({ lab }: Pick<Rows, 'lab'>, host: string): string => `/proc/${findInit(lab.place, host)}/root`;

/** As a hypervisor clones: what is on the disk, bit by bit. */
export const copy = (rows: Pick<Rows, 'lab'>, from: string, to: string, paths: readonly string[]): Promise<string> =>
  must(['sh', '-c', `tar -C ${rootOf(rows, from)} -cf - ${paths.join(' ')} | tar -C ${rootOf(rows, to)} -xpf -`]);

export function copies(rows: Rows): void {
  test('2.6: dpkg installs the project’s package, which enrolls when it has settings, and takes all of it off again', async () => {
    const { server } = rows;
    const before = await listing(rows, 'bastion1');
    copyFileSync(await buildDeb(server.dir, '0.1.0', true), join(rootOf(rows, 'bastion1'), 'tmp/agent.deb'));
    // Maintainer scripts ask whether systemd runs before they talk to it; systemctl is played here.
    await sh(rows, 'bastion1', 'mkdir -p /run/systemd/system');
    await sh(rows, 'bastion1', 'dpkg --install /tmp/agent.deb && rm /tmp/agent.deb');
    assert.equal(await sh(rows, 'bastion1', `ls ${IDENTITY} 2>/dev/null; true`), '', 'no identity in an image');
    const { config } = await server.operator.createEnrollmentToken({ body: { minutes: 30 } });
    writeFileSync(join(rootOf(rows, 'bastion1'), 'etc/lastember/agent.json'), config, { mode: 0o600 });
    await sh(rows, 'bastion1', 'systemctl start lastember-agent');
    await reports(rows, 'bastion1');
    await sh(rows, 'bastion1', 'dpkg --purge lastember-agent; rm -r /run/systemd');
    assert.doesNotMatch(await processes(rows, 'bastion1'), /lastember/);
    assert.equal(await sh(rows, 'bastion1', 'dpkg --audit'), '');
    // An empty /opt belongs to no package on Debian, so dpkg takes it away with the last who was in it.
    const books = (files: string[]): string[] => files.filter((file) => !/^\/(?:var\/lib\/dpkg|opt 755)/.test(file));
    assert.deepEqual(differences(books(before), books(await listing(rows, 'bastion1'))), []);
    await until('it to be known', 60, async () => (await server.host('bastion1')).management !== 'managed');
  });

  test('2.6: a copy that finds itself on another machine drops the identity; the original goes on', async () => {
    const { server } = rows;
    const agent = await reports(rows, 'sudo1');
    await copy(rows, 'sudo1', 'bastion1', TREE);
    await sh(rows, 'bastion1', 'systemctl start lastember-agent; true');
    await until('the identity to be dropped', 60, async () => {
      const left = await sh(rows, 'bastion1', `ls ${IDENTITY} 2>/dev/null; true`);
      return left === '';
    });
    assert.match(
      await sh(rows, 'bastion1', 'cat /var/log/lastember-agent.log'),
      /another machine than the one that enrolled/,
    );
    const { items } = await server.operator.listAgents();
    assert.equal(items.find(({ id }) => id === agent)?.state, 'active');
    await sh(rows, 'bastion1', 'systemctl stop lastember-agent; true');
  });

  test('2.6: a copy that nothing tells apart is begun', async () => {
    await sh(rows, 'bastion1', 'cp /etc/machine-id /root/machine-id');
    await copy(rows, 'sudo1', 'bastion1', [...TREE, 'etc/machine-id']);
    await sh(rows, 'bastion1', 'systemctl start lastember-agent; true');
  });
}

/** Takes as long as it takes until both have checked in twice in turns, so it is asked for at the end. */
export function copiesFound(rows: Rows): void {
  test('2.6: two machines with one identity are refused, both, and each is itself once enrolled anew', async () => {
    const { server } = rows;
    const original = await until('both to be refused', 420, async () => {
      const { items } = await server.operator.listAgents();
      return items.find(
        ({ state, problem }) => state === 'revoked' && problem?.startsWith('two machines use its identity'),
      );
    });
    assert.match(original.problem!, /10\.61\.0\.14/);
    assert.match(original.problem!, /10\.61\.0\.20/);
    await sh(rows, 'bastion1', 'mv /root/machine-id /etc/machine-id');
    await server.scan('lab');
    const ids = await Promise.all(['sudo1', 'bastion1'].map(async (name) => (await server.host(name)).id));
    assert.equal(new Set(ids).size, 2);
    const login = { kind: 'password' as const, username: 'ops', password: 'sudo1-ops', become: 'sudo' as const };
    const [first, second] = await Promise.all([
      server.operator.deployOnce({ body: { hostIds: [ids[0]!], login, force: true } }),
      server.operator.createDeployment({ body: { hostIds: [ids[1]!], credentials: ['root'], force: true } }),
    ]);
    for (const { id } of [first, second])
      assert.deepEqual(
        (await server.deployed(id)).hosts.map(({ state, why }) => [state, why]),
        [['done', null]],
      );
    const agents = [await reports(rows, 'sudo1'), await reports(rows, 'bastion1')];
    assert.equal(new Set([...agents, original.id]).size, 3);
  });
}
