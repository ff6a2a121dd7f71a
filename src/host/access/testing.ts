import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { testTree, type TestTree } from '../steps/testing.ts';

/** What the restoring script uses; in a tree, commands are looked up below its root. */
const TOOLS = 'bash cat chmod chown cp mv readlink rm setsid sh sleep sync timeout id'.split(' ');

/** The real sshd on the tree's own files. */
const SSHD = `#!/bin/sh
R=$LASTEMBER_HOST_ROOT
f=$R/etc/ssh/sshd_config
[ "$1" = -t ] && [ "$2" = -f ] && { exec /usr/sbin/sshd -t -f "$R$3"; }
exec /usr/sbin/sshd -f "$f" "$@"
`;

/** A service manager for one unit, ssh.service, that starts, ends and signals the real daemon. */
const SYSTEMCTL = `#!/bin/sh
R=$LASTEMBER_HOST_ROOT
pid=$(/bin/cat "$R/run/sshd.pid" 2>/dev/null)
[ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || pid=
start() { /usr/sbin/sshd -f "$R/etc/ssh/sshd_config" -E "$R/run/sshd.log" || exit 1; for i in 1 2 3 4 5 6 7 8 9 10; do [ -s "$R/run/sshd.pid" ] && return; /bin/sleep 0.1; done; }
stop() { [ -n "$pid" ] && kill "$pid"; while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do /bin/sleep 0.05; done; /bin/rm -f "$R/run/sshd.pid"; }
case "$1" in
  show) [ -n "$pid" ] && state=active || state=failed
    printf 'Id=ssh.service\\nActiveState=%s\\nUnitFileState=enabled\\nMainPID=%s\\nFragmentPath=\\nExecStart=x\\nLoadState=loaded\\n' "$state" "\${pid:-0}" ;;
  restart) echo restart >> "$R/run/log"; stop; start ;;
  reload) echo reload >> "$R/run/log"; kill -HUP "$pid" ;;
esac
`;

export interface SshdTree extends TestTree {
  /** how often the service manager was told to do what */
  told(): string[];
  stop(): void;
}

/** A tree whose ssh.service is the machine's real sshd, listening where `config` says. For tests only. */
export function sshdTree(config: string): SshdTree {
  const tree = testTree();
  for (const tool of TOOLS) {
    const real = ['/usr/bin/', '/bin/'].map((dir) => dir + tool).find((path) => isThere(path));
    if (real) symlinkSync(real, join(tree.root, 'usr/bin', tool));
  }
  // Where sshd goes to be nobody; every system that runs one has it.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  tree.put('usr/sbin/sshd', SSHD);
  tree.put('usr/bin/systemctl', SYSTEMCTL);
  tree.put('run/log', '');
  tree.put('etc/ssh/sshd_config.d/.keep', '');
  const key = join(tree.root, 'etc/ssh/host_key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const own = `HostKey ${key}\nPidFile ${join(tree.root, 'run/sshd.pid')}\nUsePAM no\n`;
  tree.put('etc/ssh/sshd_config', `${own}Include ${join(tree.root, 'etc/ssh/sshd_config.d')}/*.conf\n${config}`);
  const env = { LASTEMBER_HOST_ROOT: tree.root };
  execFileSync(join(tree.root, 'usr/bin/systemctl'), ['restart'], { env });
  tree.put('run/log', '');
  const stop = (): void => {
    try {
      process.kill(Number(readFileSync(join(tree.root, 'run/sshd.pid'), 'utf8')), 'SIGTERM');
    } catch {
      // it does not run
    }
  };
  return { ...tree, told: () => tree.file('run/log').split('\n').filter(Boolean), stop };
}

function isThere(path: string): boolean {
  try {
    readFileSync(path, { flag: 'r' });
    return true;
  } catch {
    return false;
  }
}
