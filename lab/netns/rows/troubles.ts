/** Hosts on which it does not go well: each says what is wrong, the others are left as they are, nothing is half-done. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../../src/model/change.ts';
import { until } from '../../demo/run/wait.ts';
import { must } from '../command.ts';
import { findInit } from '../start.ts';
import { reports, sh, type Rows } from './context.ts';

const KIT = 'security-updates';

/** As the machine's root: in the host nobody may mount. */
const remount = ({ lab }: Rows, host: string, how: string): Promise<string> =>
  must(['nsenter', '--target', `${findInit(lab.place, host)}`, '--mount', '--root', 'sh', '-c', how]);

const results = ({ waves }: Change): string[] =>
  waves.flatMap(({ tasks }) => tasks.map(({ hostName, state }) => `${hostName} ${state}`)).sort();

export function troubles(rows: Rows): void {
  const books = (name: string): Promise<string> => sh(rows, name, 'dpkg --audit; dpkg-query --show');

  async function judged(names: readonly string[]): Promise<void> {
    const { operator } = rows.server;
    const ids = await Promise.all(names.map(async (name) => (await rows.server.host(name)).id));
    const look = async (): Promise<boolean> => {
      await operator.startAudit({ body: { hostIds: ids } });
      const { items } = await operator.listFindings({ query: { kit: KIT, state: ['open'] } });
      const pending = items.filter(({ check }) => check === 'security-updates-pending').map(({ hostId }) => hostId);
      return ids.every((id) => pending.includes(id));
    };
    await until('all to be judged', 180, look, 3000);
  }

  test('2.8, 6.12: a package that cannot be configured stops the canary, which names it; the rest of the change is protected', async () => {
    const { server } = rows;
    const names = ['brokenapt1', 'web2'];
    for (const name of names) await sh(rows, name, 'apt-get -qq update');
    await judged(names);
    const before = await Promise.all(names.map(books));
    const done = await server.run((await server.planned(KIT, names)).id);
    assert.equal(done.state, 'failed');
    assert.match(
      done.why!,
      /brokenapt1: .*begun and not finished \(inventory-agent, report-fonts\).*dpkg --configure -a/,
    );
    assert.deepEqual(results(done), ['brokenapt1 failed', 'web2 skipped']);
    assert.deepEqual(await Promise.all(names.map(books)), before);
  });

  test('6.12: a /usr that cannot be written is told by the host, and no package is left half-way', async () => {
    const { server } = rows;
    await sh(rows, 'old1', 'apt-get -qq update');
    await judged(['old1']);
    const { id } = await server.planned(KIT, ['old1']);
    const before = await books('old1');
    await remount(rows, 'old1', 'mount --bind /usr /usr && mount -o remount,bind,ro /usr');
    const done = await server.run(id);
    await remount(rows, 'old1', 'mount -o remount,bind,rw /usr');
    const told = `${done.why}; ${done.waves.flatMap(({ tasks }) => tasks.map(({ error }) => error)).join('; ')}`;
    assert.deepEqual([done.state, results(done)], ['failed', ['old1 failed']]);
    assert.match(told, /old1: .*\/usr is mounted read-only/);
    assert.equal(await books('old1'), before);
    await reports(rows, 'old1');
  });
}
