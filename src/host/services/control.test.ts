import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { tree } from '../facts/testing.ts';
import { localHost } from '../local.ts';
import { control, readUnit, setEnabled } from './control.ts';

/** What a host without systemd has of commands; the daemons are real processes of the real `sleep`. */
const TOOLS = Object.fromEntries(
  ['sh', 'mktemp', 'tail', 'rm', 'sleep', 'cat', 'ln', 'setsid'].map((tool) => [
    `usr/bin/${tool}`,
    `-> /usr/bin/${tool}`,
  ]),
);
const started: number[] = [];
after(() => {
  for (const pid of started)
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended by itself
    }
});

/** An init script as a package has it. `${how}` runs in place of the daemon. */
const script = (how: string, pid: string): string => `#!/bin/sh
### BEGIN INIT INFO
# Provides: web
### END INIT INFO
DAEMON=/usr/sbin/web
PIDFILE=/run/web.pid
R=$LASTEMBER_HOST_ROOT
echo "$1" >>"$R/run/told"
stop() { kill $(cat "$R${pid}") 2>/dev/null; rm -f "$R${pid}"; }
start() { ${how} & echo $! >"$R${pid}"; ln -sfn /proc/$! "$R/proc/$!"; }
case "$1" in
start) start ;;
stop) stop ;;
restart) stop; start ;;
reload) [ -e "$R/run/can-reload" ] || { echo "web cannot reload" >&2; exit 3; } ;;
status) [ -e "$R${pid}" ] || exit 3 ;;
esac
`;

function sysv(how: string): { root: string; told(): string[] } {
  const root = tree({
    ...TOOLS,
    'usr/sbin/web': '',
    'proc/.keep': '',
    'run/told': '',
    'etc/init.d/web': script(how, '/run/web.pid'),
    'etc/rc2.d/K01web': '-> ../init.d/web',
    'usr/sbin/service': '#!/bin/sh\nexec "$LASTEMBER_HOST_ROOT/etc/init.d/$1" "$2"\n',
    'usr/sbin/update-rc.d': `#!/bin/sh
cd "$LASTEMBER_HOST_ROOT/etc/rc2.d" || exit 1
if [ ! -e S01$1 ] && [ ! -L S01$1 ] && [ ! -L K01$1 ]; then echo "update-rc.d: error: no runlevel symlinks to modify, aborting!" >&2; [ "$2" = defaults ] || exit 1; fi
rm -f [SK]01$1
case "$2" in enable | defaults) ln -s ../init.d/$1 S01$1 ;; disable) ln -s ../init.d/$1 K01$1 ;; esac
`,
  });
  fs.copyFileSync('/bin/sleep', join(root, 'usr/sbin/web'));
  for (const path of ['usr/sbin/web', 'usr/sbin/service', 'usr/sbin/update-rc.d', 'etc/init.d/web'])
    fs.chmodSync(join(root, path), 0o755);
  return { root, told: () => fs.readFileSync(join(root, 'run/told'), 'utf8').split('\n').filter(Boolean) };
}

const DAEMON = '"$R/usr/sbin/web" 300';

describe('services of hosts without systemd', () => {
  test('init scripts: told by `service`, seen by process; what a daemon holds open keeps nobody waiting', async () => {
    const { root, told } = sysv(DAEMON);
    const host = localHost({ root });
    const first = await control(host, 'start', 'web.service');
    const second = await control(host, 'restart', 'web');
    started.push(first.mainPid!, second.mainPid!);
    assert.deepEqual([first.state, second.state], ['running', 'running']);
    assert.notEqual(first.mainPid, second.mainPid);
    await assert.rejects(
      control(host, 'reload', 'web'),
      (error) => isAppError(error, 'HOST_COMMAND') && /service web reload.*3.*web cannot reload/.test(error.message),
    );
    assert.equal((await control(host, 'stop', 'web')).state, 'stopped');
    assert.deepEqual(told(), ['start', 'restart', 'reload', 'stop']);
    await assert.rejects(readUnit(host, 'other'), (error) => isAppError(error, 'STEP_DRIFT'));
  });

  test('init scripts: a daemon that dies right after its script has ended well has not started', async () => {
    const { root } = sysv('(exec "$R/usr/sbin/web" 0.7)');
    await assert.rejects(control(localHost({ root }), 'restart', 'web'), (error) => isAppError(error, 'STEP_SERVICE'));
  });

  test('init scripts: without `service` the script itself is told', async () => {
    const { root, told } = sysv(DAEMON);
    fs.rmSync(join(root, 'usr/sbin/service'));
    const unit = await control(localHost({ root }), 'start', 'web');
    started.push(unit.mainPid!);
    assert.deepEqual([unit.state, told()], ['running', ['start']]);
  });

  test('init scripts: links say what starts at boot, also where there were none', async () => {
    const { root } = sysv(DAEMON);
    const host = localHost({ root });
    assert.equal((await setEnabled(host, 'web', true)).enabled, true);
    assert.equal((await setEnabled(host, 'web', false)).enabled, false);
    fs.rmSync(join(root, 'etc/rc2.d/K01web'));
    assert.equal((await setEnabled(host, 'web', true)).enabled, true);
  });

  test('OpenRC: what is not of its own kind is read as an init script, and levels that no boot leads to do not count', async () => {
    const { root } = sysv(DAEMON);
    const add = (path: string, text: string): void => {
      fs.mkdirSync(join(root, path, '..'), { recursive: true });
      fs.writeFileSync(join(root, path), text, { mode: 0o755 });
    };
    add('sbin/openrc-run', '');
    add('etc/runlevels/off/web', '');
    add('etc/runlevels/boot/own', '');
    add('run/openrc/started/own', '');
    add('etc/init.d/own', '#!/sbin/openrc-run\ncommand=/usr/sbin/own\npidfile="/run/${RC_SVCNAME}.pid"\n');
    add('run/own.pid', '999999999\n');
    add('sbin/rc-service', '#!/bin/sh\nexec "$LASTEMBER_HOST_ROOT/etc/init.d/$1" "$2"\n');
    const host = localHost({ root });
    const unit = await control(host, 'start', 'web');
    started.push(unit.mainPid!);
    assert.deepEqual([unit.state, unit.enabled], ['running', false]);
    const own = await readUnit(host, 'own');
    // Debian's start-stop-daemon notes nothing for OpenRC.
    assert.deepEqual([own.state, own.enabled], ['failed', true]);
  });
});
