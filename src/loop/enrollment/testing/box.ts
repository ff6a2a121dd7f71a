import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounting needs root, or a kernel that lets anybody be root in a namespace of their own. */
const UNSHARE = process.getuid?.() === 0 ? ['-m'] : ['-Urm'];
export const boxSkip =
  process.platform === 'linux' && spawnSync('unshare', [...UNSHARE, 'true']).status === 0
    ? false
    : 'mount namespaces cannot be made here';

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export interface Box {
  root: string;
  /** Runs a shell line in the box, as its root user. `hide`: commands that are not installed there. */
  run(line: string, how?: { hide?: string[]; env?: Record<string, string> }): Promise<Ran>;
  file(path: string): string;
  has(path: string): boolean;
  put(path: string, text: string, mode?: number): void;
  /** every path of the tree with its kind, mode and contents' size */
  listing(): string[];
  /** pid of the agent that the service manager runs, or null */
  agent(): number | null;
  remove(): void;
}

/**
 * A machine of its own for an installer: its own root directory with the real programs of this one, and a `systemctl` that
 * starts, stops and remembers units. Processes and network are those of this machine.
 */
export function makeBox(options: { node?: boolean; machineId?: string } = {}): Box {
  const home = mkdtempSync(join(tmpdir(), 'lastember-box-'));
  const [root, tools] = [join(home, 'root'), join(home, 'tools')];
  for (const dir of ['etc/systemd/system', 'opt', 'var/lib', 'run', 'tmp', 'proc', 'dev', 'usr', 'sys'])
    mkdirSync(join(root, dir), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64', 'lib32'])
    if (existsSync(`/${name}`) && lstatSync(`/${name}`).isSymbolicLink())
      symlinkSync(readlinkSync(`/${name}`), join(root, name));
  mkdirSync(tools);
  copyFileSync(join(import.meta.dirname, 'systemctl.sh'), join(tools, 'systemctl'));
  chmodSync(join(tools, 'systemctl'), 0o755);
  if (options.node) copyFileSync(process.execPath, join(tools, 'node'));
  writeFileSync(join(root, 'etc/machine-id'), `${options.machineId ?? 'box'}\n`);
  writeFileSync(join(root, 'etc/hostname'), 'box\n');
  writeFileSync(join(root, 'etc/os-release'), 'ID=debian\nVERSION_ID="12"\n');
  const at = (path: string): string => join(root, path);
  const box: Box = {
    root,
    run: (line, how = {}) => enter({ root, tools }, line, how),
    file: (path) => readFileSync(at(path), 'utf8'),
    has: (path) => existsSync(at(path)),
    put: (path, text, mode = 0o600) => {
      mkdirSync(join(at(path), '..'), { recursive: true });
      writeFileSync(at(path), text, { mode });
    },
    listing: () =>
      (readdirSync(root, { recursive: true, encoding: 'utf8' }) as string[])
        .filter((path) => !path.startsWith('run'))
        .map((path) => {
          const { mode, size } = lstatSync(at(path));
          return `${path} ${mode.toString(8)} ${lstatSync(at(path)).isFile() ? size : ''}`;
        })
        .sort(),
    agent: () => {
      const pid = existsSync(at('run/unit.pid')) ? Number(box.file('run/unit.pid')) : 0;
      return pid > 0 && existsSync(`/proc/${pid}`) ? pid : null;
    },
    remove: () => {
      const pid = box.agent();
      if (pid !== null) process.kill(pid, 'SIGKILL');
      rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  return box;
}

function enter(
  { root, tools }: { root: string; tools: string },
  line: string,
  { hide = [], env = {} }: { hide?: string[]; env?: Record<string, string> },
): Promise<Ran> {
  const mounts = [
    ...['usr', 'dev', 'proc', 'sys'].map((name) => `mount --rbind /${name} "$R/${name}"`),
    'mount --bind "$T" "$R/usr/local/bin"',
    ...hide.map((name) => `mount --bind /dev/null "$R/usr/bin/${name}"`),
  ];
  const script = `${mounts.join(' && ')} && exec chroot "$R" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/ "$@"`;
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = [...UNSHARE, 'sh', '-c', `R=$1 T=$2; shift 2; ${script}`, 'sh', root, tools, ...given, 'sh', '-c', line];
  const child = spawn('unshare', argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran: Ran = { code: -1, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.err += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // Not when its streams close: an agent that was started holds none of them, but one day something might.
    child.once('exit', (code) => setImmediate(() => resolve({ ...ran, code: code ?? -1 })));
  });
}
