/** Settings of sshd that would lock us out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sh, type Rows } from '../rows/context.ts';
import { openFindings, plannedFor, results, told, trailOf } from './context.ts';

const BASELINE = 'linux-baseline';
/** The timer on the host counts four minutes; here each second of it is a short one. */
const QUICK_SECONDS = `printf '#!/bin/sh\\nexec /bin/sleep 0.02\\n' >/usr/local/sbin/sleep && chmod 755 /usr/local/sbin/sleep`;
/** The agent stands still from when the timer runs on: watched for in the host, since all may be over within a second. */
const FREEZE_ONCE_ARMED = `(until ls /var/lib/lastember/guard/*/timer >/dev/null 2>&1; do /bin/sleep 0.02; done
pkill -STOP -f '[l]astember/lastember-agent'; touch /run/frozen) </dev/null >/dev/null 2>&1 &`;
const IS_FROZEN = 'until [ -e /run/frozen ]; do /bin/sleep 0.1; done';
const SSHD = 'sshd -T | grep -Ei "^(permitrootlogin|x11forwarding)"; cat /etc/ssh/sshd_config';

export function access(rows: Rows): void {
  test('6.12: settings of sshd that turn our own login away are put back before sshd reads them', async () => {
    const { server } = rows;
    const name = 'init1';
    const before = await sh(rows, name, SSHD);
    const found = await openFindings(rows, [name], { kit: BASELINE, check: 'sshd-root-login' });
    const done = await server.run((await plannedFor(rows, found)).id);
    assert.equal(done.state, 'rolled-back');
    assert.match(told(done), /init1: .*PermitRootLogin is no.*are back; ssh was not touched/);
    assert.equal(await sh(rows, name, SSHD), before);
    const login = await rows.lab.login({ host: '10.61.0.22', username: 'root', command: 'hostname' });
    assert.equal(login.stdout, 'init1\n', login.error);
  });

  test('6.12: an agent that stands still while sshd has new settings: the timer on the host puts the old ones back', async () => {
    const { server, lab } = rows;
    const name = 'web1';
    const found = await openFindings(rows, [name], { kit: BASELINE, check: 'sshd-x11-forwarding' });
    const before = await sh(rows, name, SSHD);
    const { id } = await plannedFor(rows, found);
    await sh(rows, name, QUICK_SECONDS);
    await sh(rows, name, FREEZE_ONCE_ARMED);
    const running = server.run(id);
    await sh(rows, name, IS_FROZEN);
    const during = await sh(rows, name, SSHD);
    await sh(rows, name, 'until ls /var/lib/lastember/guard/*/done >/dev/null 2>&1; do /bin/sleep 0.1; done');
    const after = await sh(rows, name, SSHD);
    await lab.lab('fault', 'thaw', name, 'lastember/lastember-agent');
    const done = await running;
    await sh(rows, name, 'rm /usr/local/sbin/sleep');
    assert.match(during, /^x11forwarding no/im);
    assert.equal(after, before);
    assert.equal(await sh(rows, name, SSHD), before);
    assert.equal(done.state, 'rolled-back');
    assert.match(
      told(done),
      /web1: .*ssh\.service would not let us in.*longer than the timer waits\. The old settings are back/,
    );
    assert.deepEqual(results(done).length, 1);
    assert.ok((await trailOf(rows, `change:${id}`)).includes('change.change.closed'));
    const login = await lab.login({ host: '10.61.0.11', username: 'root', command: 'hostname' });
    assert.equal(login.stdout, 'web1\n', login.error);
  });
}
