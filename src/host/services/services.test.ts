import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { data, failure, put, tree } from '../facts/testing.ts';
import { namedIn } from './sysv.ts';

const HEADER = '#!/bin/sh\n### BEGIN INIT INFO\n# Provides: x\n# Default-Start: 2 3 4 5\n### END INIT INFO\n';

/** A real process of a program in the tree, with the links of /proc that a host has of it. */
async function daemon(root: string, path: string): Promise<{ pid: number; kill(): void }> {
  put(root, path, '');
  fs.copyFileSync('/bin/sleep', join(root, path));
  fs.chmodSync(join(root, path), 0o755);
  const child = spawn(join(root, path), ['60'], { stdio: 'ignore' });
  fs.mkdirSync(join(root, 'proc'), { recursive: true });
  fs.symlinkSync(`/proc/${child.pid}`, join(root, `proc/${child.pid}`));
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { pid: child.pid!, kill: () => child.kill() };
}

test('init scripts: what runs is told by pid files and programs, what starts by links; no script is run', async () => {
  const root = tree({
    'etc/init.d/web': `${HEADER}touch /ran\nDAEMON=/usr/sbin/web\nPIDFILE=/run/web/web.pid\n`,
    'etc/init.d/byname': `${HEADER}NAME=byname\nDAEMON=/usr/sbin/$NAME\nPIDFILE=/run/none.pid\n`,
    'etc/init.d/gone': `${HEADER}DAEMON=/usr/sbin/gone\nPIDFILE=/run/gone.pid\n`,
    'etc/init.d/reused': `${HEADER}DAEMON=/usr/sbin/reused\nPIDFILE=/run/reused.pid\n`,
    'etc/init.d/once': `${HEADER}/sbin/sysctl --system\n`,
    'etc/init.d/redhat':
      '#!/bin/bash\n# chkconfig: 2345 80 20\n# processname: /usr/sbin/redhat\n# pidfile: /var/run/redhat.pid\n',
    'etc/init.d/functions': '# helpers\n',
    'etc/init.d/README': 'text\n',
    'etc/rc2.d/S01web': '-> ../init.d/web',
    'etc/rc2.d/K01gone': '-> ../init.d/gone',
    'etc/rc.d/rc3.d/S80redhat': '-> ../../init.d/redhat',
    'var/lock/subsys/redhat': '',
    'run/gone.pid': '999999999\n',
  });
  const [web, other] = [await daemon(root, 'usr/sbin/web'), await daemon(root, 'usr/sbin/byname')];
  try {
    put(root, 'run/web/web.pid', `${web.pid}\n`);
    put(root, 'run/reused.pid', `${web.pid}\n`);
    const services = await data(root, 'services');
    assert.deepEqual(
      services.map((fact) => [fact.name, fact.state, fact.enabled, fact.mainPid, fact.exec, fact.unitFile]),
      [
        ['byname', 'running', false, other.pid, '/usr/sbin/byname', '/etc/init.d/byname'],
        ['gone', 'stopped', false, null, '/usr/sbin/gone', '/etc/init.d/gone'],
        ['once', 'unknown', false, null, null, '/etc/init.d/once'],
        ['redhat', 'running', true, null, '/usr/sbin/redhat', '/etc/init.d/redhat'],
        ['reused', 'stopped', false, null, '/usr/sbin/reused', '/etc/init.d/reused'],
        ['web', 'running', true, web.pid, '/usr/sbin/web', '/etc/init.d/web'],
      ],
    );
    assert.equal((await data(root, 'os')).serviceManager, 'sysv');
    const process = (await data(root, 'processes')).find((fact) => fact.pid === web.pid);
    assert.equal(process?.unit, 'web', 'processes are told by their service');
    assert.ok(!fs.existsSync(join(root, 'ran')));
  } finally {
    web.kill();
    other.kill();
  }
});

test('init scripts: the daemon and its pid file as real scripts name them', () => {
  const cron = 'PIDFILE=/var/run/crond.pid\nDAEMON=/usr/sbin/cron\nNAME=cron\n';
  assert.deepEqual(namedIn(cron), { daemon: '/usr/sbin/cron', pidFile: '/var/run/crond.pid' });
  const ssh =
    'start-stop-daemon --start --quiet --oknodo --chuid 0:0 --pidfile /run/sshd.pid --exec /usr/sbin/sshd -- $SSHD_OPTS';
  assert.deepEqual(namedIn(ssh), { daemon: '/usr/sbin/sshd', pidFile: '/run/sshd.pid' });
  const skeleton = 'NAME=thing\nDAEMON=/usr/sbin/$NAME\nPIDFILE="/run/${NAME}.pid"\nOTHER=$(cat /etc/x)\n';
  assert.deepEqual(namedIn(skeleton), { daemon: '/usr/sbin/thing', pidFile: '/run/thing.pid' });
  const redhat = 'exec="/usr/sbin/httpd"\npidfile=${PIDFILE-/var/run/httpd.pid}\n';
  assert.deepEqual(namedIn(redhat), { daemon: '/usr/sbin/httpd', pidFile: '/var/run/httpd.pid' });
  assert.deepEqual(namedIn('DAEMON=/sbin/sysctl\nPIDFILE=none\n'), { daemon: null, pidFile: null });
  assert.deepEqual(namedIn('PID=`cat x`\nDAEMON=$(which y)\n'), { daemon: null, pidFile: null });
});

const OPENRC = '#!/sbin/openrc-run\ncommand="/usr/sbin/nginx"\n';

test('OpenRC: started, enabled, failed and crashed services by the files that it keeps', async () => {
  const root = tree({
    'sbin/openrc-run': '',
    'etc/init.d/nginx': OPENRC,
    'etc/init.d/crashed': OPENRC,
    'etc/init.d/sshd': OPENRC.replace('nginx', 'sshd'),
    'etc/init.d/hostname': '#!/sbin/openrc-run\n',
    'etc/init.d/broken': OPENRC,
    'etc/init.d/functions.sh': '# helpers\n',
    'etc/runlevels/default/nginx': '-> /etc/init.d/nginx',
    'etc/runlevels/boot/hostname': '-> /etc/init.d/hostname',
    'run/openrc/started/nginx': '-> /etc/init.d/nginx',
    'run/openrc/started/hostname': '-> /etc/init.d/hostname',
    'run/openrc/started/crashed': '-> /etc/init.d/crashed',
    'run/openrc/failed/broken': '-> /etc/init.d/broken',
    'run/openrc/daemons/crashed/001': 'exec=/usr/sbin/crashed\npidfile=/run/crashed.pid\n',
    'run/crashed.pid': '999999999\n',
  });
  const nginx = await daemon(root, 'usr/sbin/nginx');
  try {
    put(root, 'run/openrc/daemons/nginx/001', 'exec=/usr/sbin/nginx\nargv_0=-c\npidfile=/run/nginx.pid\n');
    put(root, 'run/nginx.pid', `${nginx.pid}\n`);
    const services = await data(root, 'services');
    assert.deepEqual(
      services.map((fact) => [fact.name, fact.state, fact.enabled, fact.mainPid, fact.exec]),
      [
        ['broken', 'failed', false, null, '/usr/sbin/nginx'],
        ['crashed', 'failed', false, null, '/usr/sbin/crashed'],
        ['hostname', 'running', true, null, null],
        ['nginx', 'running', true, nginx.pid, '/usr/sbin/nginx'],
        ['sshd', 'stopped', false, null, '/usr/sbin/sshd'],
      ],
    );
    assert.equal((await data(root, 'os')).serviceManager, 'openrc');
  } finally {
    nginx.kill();
  }
});

test('systemd that runs and does not answer is not replaced by what init scripts tell', async () => {
  const root = tree({
    'run/systemd/system/.keep': '',
    'etc/init.d/web': HEADER,
    'usr/bin/systemctl': '#!/bin/sh\nexit 1\n',
  });
  assert.match(await failure(root, 'services'), /systemd/);
  assert.equal((await data(root, 'os')).serviceManager, 'systemd');
});
