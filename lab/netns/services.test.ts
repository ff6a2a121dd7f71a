/** Services of hosts that have no systemd, controlled by steps over SSH: init scripts on init1, OpenRC on rc1. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import type { StepOf } from '../../src/model/kit.ts';
import { must } from './command.ts';
import { netnsPath } from './place.ts';
import { skip, TestLab } from './testing/lab.ts';
import { addressOfHost } from './testing/served.ts';
import type { StepDone, StepsInput } from './testing/steps.ts';
import { keyPath } from './up.ts';

const UP = ['init1', 'rc1'];
const lab = new TestLab('s');

before(async () => {
  if (!skip) await lab.lab('up', '--only', UP.join(','));
});
after(async () => {
  if (!skip) await lab.lab('down');
});

async function perform(host: string, ...steps: StepsInput['steps']): Promise<StepDone[]> {
  const input: StepsInput = { address: addressOfHost(host), key: keyPath(lab.place), steps };
  const script = join(import.meta.dirname, 'testing/steps.ts');
  const net = `--net=${netnsPath(lab.place.name)}`;
  return JSON.parse(await must(['nsenter', net, process.execPath, script, JSON.stringify(input)])) as StepDone[];
}

const step = (name: string, action: StepOf<'service'>['action']): StepsInput['steps'][number] => ({
  step: { kind: 'service', name, action },
});

async function sh(host: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(host, 'sh', '-c', script);
  assert.equal(code, 0, `${script}: ${stdout}${stderr}`);
  return stdout.trim();
}

const pidOf = async (host: string, what: string): Promise<number> => Number(await sh(host, `pgrep -o -f '${what}'`));

/** A daemon as Alpine's packages have it. */
const BEAT = `cat >/etc/init.d/beat <<'END'
#!/sbin/openrc-run
command=/bin/sleep
command_args=1000000
command_background=true
pidfile=/run/beat.pid
END
chmod 755 /etc/init.d/beat`;

for (const host of UP) {
  describe(`services of ${host}`, { skip }, () => {
    test('a restart is another process that answers; a reload is the same; stopped and started as it was', async () => {
      const nginx = await pidOf(host, 'nginx: master');
      const [restart, reload, stop, start] = await perform(
        host,
        step('nginx', 'restart'),
        step('nginx', 'reload'),
        { ...step('cron', 'stop'), undo: true },
        step('cron', 'start'),
      );
      assert.deepEqual(restart!.before?.['pid'], nginx, restart!.why);
      assert.notEqual(restart!.after?.['pid'], nginx);
      assert.deepEqual(restart!.after?.['answers'], ['0.0.0.0:443', '0.0.0.0:80']);
      assert.equal(await pidOf(host, 'nginx: master'), restart!.after?.['pid']);
      assert.equal(reload!.after?.['pid'], restart!.after?.['pid'], reload!.why);
      assert.equal(stop!.after?.['state'], 'stopped', stop!.why);
      assert.equal(stop!.undone?.['state'], 'running');
      // It is what was wanted already.
      assert.equal(start!.after?.['pid'], stop!.undone?.['pid'], start!.why);
    });

    test('a service that does not come back fails its step, with what its script said or how it is', async () => {
      await sh(host, 'cp /etc/nginx/nginx.conf /root/ && echo nonsense >>/etc/nginx/nginx.conf');
      const [refused] = await perform(host, step('nginx', 'restart'));
      assert.ok(['HOST_COMMAND', 'STEP_SERVICE'].includes(refused!.code!), JSON.stringify(refused));
      assert.match(refused!.why!, /nginx/);
      await sh(host, 'cp /root/nginx.conf /etc/nginx/nginx.conf');
      const [again] = await perform(host, step('nginx', 'start'));
      assert.equal(again!.after?.['state'], 'running', again!.why);
    });

    test('sshd is restarted under our own login, and answers', async () => {
      const old = await pidOf(host, 'sshd: .*listener');
      const [restart] = await perform(host, step('ssh', 'restart'));
      assert.equal(restart!.after?.['state'], 'running', restart!.why);
      assert.equal(typeof restart!.before?.['guard'], 'string', 'no change of sshd goes without its guard');
      assert.notEqual(await pidOf(host, 'sshd: .*listener'), old);
    });

    test('what starts at boot is changed, and put back', async () => {
      const starts = `ls /etc/rc2.d/S*cron /etc/runlevels/*/cron 2>/dev/null | sort`;
      const before = await sh(host, starts);
      const [off] = await perform(host, { ...step('cron', 'disable'), undo: true });
      assert.deepEqual(
        [off!.before?.['enabled'], off!.after?.['enabled'], off!.undone?.['enabled']],
        [true, false, true],
      );
      assert.equal(await sh(host, starts), before);
      const [gone] = await perform(host, step('nobody', 'restart'));
      assert.equal(gone!.code, 'STEP_DRIFT');
      assert.match(gone!.why!, /nobody: there is no such service/);
    });
  });
}

test('an OpenRC service of its own kind is started, found crashed, and started again', { skip }, async () => {
  await sh('rc1', BEAT);
  const [on, start] = await perform('rc1', { ...step('beat', 'enable'), undo: true }, step('beat', 'start'));
  assert.deepEqual([on!.after?.['enabled'], on!.undone?.['enabled']], [true, false], on!.why);
  const pid = start!.after?.['pid'];
  assert.equal(start!.after?.['state'], 'running', start!.why);
  await sh('rc1', `kill -9 ${pid}`);
  const [again, stop] = await perform('rc1', step('beat', 'start'), step('beat', 'stop'));
  assert.deepEqual([again!.before?.['state'], again!.after?.['state']], ['failed', 'running'], again!.why);
  assert.notEqual(again!.after?.['pid'], pid);
  assert.equal(stop!.after?.['state'], 'stopped', stop!.why);
});
