/** Upgrades in the middle of which something happens to the host. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sh, type Rows } from '../rows/context.ts';
import { oneUpdate } from './archive.ts';
import { canaryOf, pendingOnly, plannedFor, results, told, trailOf } from './context.ts';

const books = (rows: Rows, name: string): Promise<string> => sh(rows, name, 'dpkg --audit; dpkg-query --show');
const pidOf = (rows: Rows, name: string): Promise<string> => sh(rows, name, 'cat /run/daybook.pid 2>/dev/null; true');

export function packages(rows: Rows): void {
  fullDisk(rows);
  deadService(rows);
}

function fullDisk(rows: Rows): void {
  test('6.12: a disk that fills up in the middle of an upgrade: said by name, what is half-way too, and the others are protected', async () => {
    const { server, lab } = rows;
    const names = ['small1', 'web1'];
    await Promise.all(names.map((name) => sh(rows, name, oneUpdate('ledger'))));
    const planned = await plannedFor(rows, await pendingOnly(rows, names, 'ledger=1.1'));
    assert.equal(canaryOf(planned), 'small1');
    const before = await Promise.all(names.map((name) => books(rows, name)));
    const running = server.run(planned.id);
    await sh(rows, 'small1', 'until [ -e /run/ledger.begun ]; do sleep 0.1; done');
    await lab.lab('fault', 'fill', 'small1');
    await sh(rows, 'small1', 'echo go >/run/ledger.go');
    const failed = await running;
    await lab.lab('fault', 'empty', 'small1');
    assert.equal(failed.state, 'failed');
    assert.match(told(failed), /small1: .*No space left on device/);
    assert.deepEqual(results(failed), ['small1 failed', 'web1 skipped']);
    const after = await Promise.all(names.map((name) => books(rows, name)));
    assert.equal(after[1], before[1]);
    // What dpkg itself says of its state is what the change says.
    const isHalfWay = /ledger/.test(await sh(rows, 'small1', 'dpkg --audit'));
    assert.match(told(failed), isHalfWay ? /Left half-way: ledger/ : /No package was left half-way/);
    await sh(rows, 'web1', 'echo go >/run/ledger.go');
    const again = await server.run((await plannedFor(rows, await pendingOnly(rows, ['web1'], 'ledger=1.1'))).id);
    assert.equal(again.state, 'closed', told(again));
    assert.match(await books(rows, 'web1'), /^ledger\s+1\.1$/m);
  });
}

function deadService(rows: Rows): void {
  test('6.12: a service that does not come back after its upgrade stops the canary; the next hosts are untouched', async () => {
    const { server } = rows;
    const names = ['init1', 'rc1', 'web1'];
    await Promise.all(names.map((name) => sh(rows, name, oneUpdate('daybook'))));
    const planned = await plannedFor(rows, await pendingOnly(rows, names, 'daybook=1.1'));
    const canary = canaryOf(planned);
    const others = names.filter((name) => name !== canary);
    await sh(rows, canary, 'echo LIVES=0 >/etc/default/daybook');
    const before = await Promise.all(others.map(async (name) => [await books(rows, name), await pidOf(rows, name)]));
    const failed = await server.run(planned.id);
    assert.equal(failed.state, 'failed');
    assert.match(told(failed), new RegExp(`${canary}: .*daybook`));
    assert.deepEqual(results(failed), [`${canary} failed`, ...others.map((name) => `${name} skipped`)].sort());
    const after = await Promise.all(others.map(async (name) => [await books(rows, name), await pidOf(rows, name)]));
    assert.deepEqual(after, before);
    assert.ok((await trailOf(rows, `change:${planned.id}`)).includes('change.change.closed'));
    await sh(rows, canary, 'rm /etc/default/daybook; service daybook start');
  });
}
