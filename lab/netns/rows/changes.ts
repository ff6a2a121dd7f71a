/** What is proven before a finding closes, how little is restarted for it, and who signs what happened. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../../src/model/change.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { until } from '../../demo/run/wait.ts';
import { sh, type Rows } from './context.ts';

const UPDATES = 'security-updates';
const PENDING = 'security-updates-pending';
/** All updates by somebody who lets nothing restart, as many do. */
const PATCH_QUIETLY = `printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq -y -o Dpkg::Use-Pty=0 upgrade >/tmp/upgrade.log 2>&1 || { cat /tmp/upgrade.log; exit 1; }
rm /usr/sbin/policy-rc.d`;
/** Services with the number of their process, and whether it maps what is not on the disk any more. */
const SERVICES = `for name in nginx ssh dropbear cron; do
  [ -e "/etc/init.d/$name" ] || continue
  pid=$(systemctl show --property=MainPID $name.service | sed 's/MainPID=//')
  [ "$pid" != 0 ] || continue
  if grep -q 'r-xp.*(deleted)$' /proc/$pid/maps; then echo "$name.service $pid old"; else echo "$name.service $pid new"; fi
done`;
const BROUGHT = '/opt/legacy/lib/libcrypto.so.1.0.0';
/** The real library, saying that it is one with Heartbleed, and a process that maps it. */
const BRING_ALONG = `mkdir -p /opt/legacy/lib && python3 - <<'END'
import glob, re
library = open(glob.glob('/usr/lib/*/libcrypto.so.3')[0], 'rb').read()
old = b'OpenSSL 1.0.1f 6 Jan 2014'
says = lambda match: old + bytes(len(match.group(0)) - len(old))
open('${BROUGHT}', 'wb').write(re.sub(rb'OpenSSL 3[.]\\d+[.]\\d+ +\\d+ [A-Z][a-z]{2} \\d{4}', says, library))
END
LD_PRELOAD=${BROUGHT} setsid sleep 100000 </dev/null >/dev/null 2>&1 & echo $! >/run/brought.pid`;
/** The first process of the host maps a library that another file has taken the place of. */
const OLD_FIRST = `lib=$(sed -n 's/.* \\(\\/[^ ]*libtinfo[^ ]*\\)$/\\1/p' /proc/1/maps | head -n 1)
cp -p "$lib" "$lib.new" && mv "$lib.new" "$lib" && grep -q 'libtinfo.*(deleted)' /proc/1/maps`;

/** What the hosts say that they did; how they are afterwards is looked at from here as well, and signed by nobody. */
const signed = ({ waves }: Change): Change['waves'][number]['tasks'][number]['outcomes'] =>
  waves.flatMap(({ tasks }) => tasks.flatMap(({ outcomes }) => outcomes)).filter(({ kind }) => kind !== 'health');

const isPending = ({ check, state }: Finding): boolean => check === PENDING && state === 'open';

export function changes(rows: Rows): void {
  const finding = async (
    host: string,
    kit: string,
    what: string,
    fits: (one: Finding) => boolean,
  ): Promise<Finding> => {
    const { id } = await rows.server.host(host);
    return until(
      `${what} on ${host}`,
      180,
      async () => {
        await rows.server.operator.startAudit({ body: { hostIds: [id] } });
        const { items } = await rows.server.operator.listFindings({ query: { host: id, kit } });
        return items.find(fits);
      },
      2000,
    );
  };
  const services = async (host: string): Promise<Map<string, { pid: string; old: boolean }>> =>
    new Map(
      (await sh(rows, host, SERVICES))
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([name, pid, age]) => [name!, { pid: pid!, old: age === 'old' }]),
    );
  const boot = (host: string): Promise<string> => sh(rows, host, 'cat /proc/sys/kernel/random/boot_id');
  const failures = ({ why, waves }: Change): string =>
    [
      why,
      ...waves.flatMap(({ tasks }) => tasks.map(({ hostName, state, error }) => `${hostName} ${state} ${error}`)),
    ].join('; ');

  let old: [unit: string, { pid: string }][] = [];

  test('3.3: patched but not restarted, a host names each process that still maps what was replaced, with its unit', async () => {
    await finding('web1', UPDATES, 'updates', isPending);
    await sh(rows, 'web1', PATCH_QUIETLY);
    old = [...(await services('web1'))].filter(([, one]) => one.old);
    assert.ok(
      ['nginx.service', 'ssh.service'].some((unit) => old.some(([name]) => name === unit)),
      'the upgrade replaced nothing that nginx or sshd maps',
    );
    const { id } = await rows.server.host('web1');
    await until(
      'facts from after the upgrade',
      180,
      async () => {
        await rows.server.operator.startAudit({ body: { hostIds: [id] } });
        const { sections } = await rows.server.operator.getHostFacts({ params: { id } });
        const named = (sections.processes ?? []).filter(({ replaced }) => replaced.length > 0);
        return old.every(([unit, { pid }]) => named.some((one) => one.unit === unit && `${one.pid}` === pid));
      },
      2000,
    );
  });

  test('M.1, 3.4: patched without a restart, the finding of updates stays open and names PID and unit; a change restarts only those; then it closes', async () => {
    const { server } = rows;
    // What runs unit files in this lab takes its own place after an update, which takes it a moment.
    const isHeld = (one: Finding): boolean =>
      isPending(one) && one.pending !== null && (one.evidence['needs'] as string[]).join() === 'restart';
    const held = await finding('web1', UPDATES, 'what still runs', isHeld);
    assert.deepEqual(held.evidence['packages'], [], 'nothing is missing on the disk');
    for (const [unit, { pid }] of old) assert.ok(held.pending!.includes(`PID ${pid} (${unit})`), held.pending!);
    const { items } = await server.operator.listFindings({ query: { host: held.hostId, kit: 'linux-baseline' } });
    const twice = items.filter(({ check, state }) => check === 'old-files-running' && state === 'open');
    assert.deepEqual(twice, [], 'one cause, one alarm');

    const [before, booted] = [await services('web1'), await boot('web1')];
    const planned = await server.planned(UPDATES, ['web1']);
    const predicted = planned.predicted!.restarts.map(({ service }) => service).sort();
    assert.deepEqual(predicted, old.map(([unit]) => unit).sort());
    assert.deepEqual(planned.predicted!.packages, []);
    const done = await server.run(planned.id);
    assert.equal(done.state, 'closed', failures(done));
    const after = await services('web1');
    for (const [name, { pid }] of before) assert.equal(after.get(name)!.pid !== pid, predicted.includes(name), name);
    assert.ok([...after.values()].every((one) => !one.old));
    assert.equal(await boot('web1'), booted);
    const closed = await finding('web1', UPDATES, 'the proof', ({ id, state }) => id === held.id && state === 'fixed');
    assert.equal(closed.pending, null);
  });

  test('3.5: an OpenSSL with Heartbleed that no package owns is found where it lies, with who runs it', async () => {
    await sh(rows, 'web1', BRING_ALONG);
    const isIt = (one: Finding): boolean => one.check === 'heartbleed-outside-packages' && one.component === BROUGHT;
    const { evidence } = await finding('web1', 'heartbleed', 'the copy', (one) => isIt(one) && one.state === 'open');
    assert.deepEqual(
      [evidence['version'], evidence['linked'], evidence['path']],
      ['1.0.1f', 'shared', BROUGHT],
      JSON.stringify(evidence),
    );
    assert.ok(
      (evidence['runBy'] as string[]).some((name) => name.endsWith('/sleep')),
      JSON.stringify(evidence),
    );
    await sh(rows, 'web1', `rm ${BROUGHT}; kill "$(cat /run/brought.pid)"`);
  });

  test('5.16, 6.12: only what was to be restarted is, and the host signs what it did', async () => {
    const { server } = rows;
    await finding('drop1', UPDATES, 'updates', isPending);
    const [before, booted] = [await services('drop1'), await boot('drop1')];
    const planned = await server.planned(UPDATES, ['drop1']);
    const predicted = planned.predicted!.restarts.map(({ service }) => service);
    const done = await server.run(planned.id);
    assert.equal(done.state, 'closed', failures(done));
    const after = await services('drop1');
    for (const [name, { pid }] of before) assert.equal(after.get(name)!.pid !== pid, predicted.includes(name), name);
    assert.ok([...after.values()].every(({ old }) => !old));
    assert.equal(await boot('drop1'), booted);
    const outcomes = signed(done);
    assert.ok(outcomes.length > 0 && outcomes.every(({ hostSigned, ok }) => hostSigned && ok));
    await finding('drop1', UPDATES, 'the proof', ({ check, state }) => check === PENDING && state === 'fixed');
    const trail = await server.cli(server.people.approver, 'trail', 'verify');
    assert.equal(trail.code, 0, trail.stdout + trail.stderr);
  });

  test('5.16: where no restart of a service helps, hosts reboot one after the other, and each has to come back', async () => {
    const { server } = rows;
    const names = ['drop1', 'old1'];
    const before = await Promise.all(names.map(boot));
    for (const name of names) {
      await sh(rows, name, OLD_FIRST);
      await finding(
        name,
        'kernel',
        'the old first process',
        ({ check, state }) => check === 'files-until-boot' && state === 'open',
      );
    }
    const { id } = await server.planned('kernel', names);
    const done = await server.run(id);
    assert.equal(done.state, 'closed', failures(done));
    const after = await Promise.all(names.map(boot));
    after.forEach((now, index) => assert.notEqual(now, before[index]));
    const outcomes = signed(done);
    assert.deepEqual(
      outcomes.map(({ kind, ok, hostSigned }) => [kind, ok, hostSigned]),
      names.map(() => ['reboot', true, true]),
    );
    assert.ok(done.waves.length === 2 && done.waves[0]!.canary);
    for (const name of names) assert.doesNotMatch(await sh(rows, name, 'cat /proc/1/maps'), /\(deleted\)/);
  });
}
