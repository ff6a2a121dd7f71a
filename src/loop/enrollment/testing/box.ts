import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
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
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

/** Mounting needs root, or a kernel that lets anybody be root in a namespace of their own. */
const UNSHARE = process.getuid?.() === 0 ? ['-m'] : ['-Urm'];
export const boxSkip =
  process.platform === 'linux' && spawnSync('unshare', [...UNSHARE, 'true']).status === 0
    ? false
    : 'mount namespaces cannot be made here';

/** Root of a namespace of one's own is not enough for sshd, which becomes other users. */
export const sshdSkip =
  boxSkip ||
  (process.getuid?.() !== 0 && 'a real sshd lets nobody in without root') ||
  (!existsSync('/usr/sbin/sshd') && '/usr/sbin/sshd is not installed');

/** What a shell says of a command that it does not find. */
export const MISSING = '#!/bin/sh\nexit 127\n';

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
  /** Starts a real OpenSSH server there, for root with this key; returns its port. It ends with the box. */
  sshd(address: string, publicKey: string): Promise<number>;
  /** pid of the agent that the service manager runs, or null */
  agent(): number | null;
  remove(): void;
}

export interface BoxOptions {
  /** the host has a Node that runs the agent */
  node?: boolean;
  machineId?: string;
  /** commands that are not there, for whoever comes in over SSH as well */
  lacks?: readonly string[];
  /** programs may be installed below /usr: what is written there stays in the box */
  usr?: boolean;
}

/**
 * A machine of its own for an installer: its own root directory with the real programs of this one, and a `systemctl` that
 * starts, stops and remembers units. Processes and network are those of this machine.
 */
export function makeBox(options: BoxOptions = {}): Box {
  const home = mkdtempSync(join(tmpdir(), 'lastember-box-'));
  const place: Place = {
    root: join(home, 'root'),
    tools: join(home, 'tools'),
    usr: options.usr ? join(home, 'usr') : null,
  };
  const { root, tools } = place;
  if (place.usr) for (const name of ['upper', 'work']) mkdirSync(join(place.usr, name), { recursive: true });
  for (const dir of ['etc/systemd/system', 'opt', 'var/lib', 'run', 'tmp', 'proc', 'dev', 'usr', 'sys'])
    mkdirSync(join(root, dir), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64', 'lib32'])
    if (existsSync(`/${name}`) && lstatSync(`/${name}`).isSymbolicLink())
      symlinkSync(readlinkSync(`/${name}`), join(root, name));
  fillTools(tools, options);
  writeFileSync(join(root, 'etc/machine-id'), `${options.machineId ?? 'box'}\n`);
  writeFileSync(join(root, 'etc/hostname'), 'box\n');
  writeFileSync(join(root, 'etc/os-release'), 'ID=debian\nVERSION_ID="12"\n');
  const at = (path: string): string => join(root, path);
  const daemons: ChildProcess[] = [];
  const box: Box = {
    root,
    run: (line, how = {}) => enter(place, line, how),
    file: (path) => readFileSync(at(path), 'utf8'),
    has: (path) => existsSync(at(path)),
    put: (path, text, mode = 0o600) => {
      mkdirSync(join(at(path), '..'), { recursive: true });
      writeFileSync(at(path), text, { mode });
    },
    listing: () => [
      ...paths(root).filter((row) => !/^(?:run|var\/lib\/apt)(?:\/| )/.test(row)),
      ...(place.usr
        ? paths(join(place.usr, 'upper'))
            .filter((row) => !/ 40\d+ $/.test(row))
            .map((row) => `usr/${row}`)
        : []),
    ],
    sshd: (address, publicKey) => startSshd(box, place, daemons, { address, publicKey }),
    agent: () => {
      const pid = existsSync(at('run/unit.pid')) ? Number(box.file('run/unit.pid')) : 0;
      return pid > 0 && existsSync(`/proc/${pid}`) ? pid : null;
    },
    remove: () => {
      const pid = box.agent();
      if (pid !== null) process.kill(pid, 'SIGKILL');
      for (const child of daemons.splice(0)) child.kill('SIGTERM');
      rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  return box;
}

function fillTools(tools: string, { node, lacks = [] }: BoxOptions): void {
  mkdirSync(tools);
  copyFileSync(join(import.meta.dirname, 'systemctl.sh'), join(tools, 'systemctl'));
  chmodSync(join(tools, 'systemctl'), 0o755);
  for (const name of lacks) writeFileSync(join(tools, name), MISSING, { mode: 0o755 });
  if (node) copyFileSync(process.execPath, join(tools, 'node'));
}

/** Of apt are the lists that it fetches, for whomever; what is under /run is gone with the next boot. */
const paths = (root: string): string[] =>
  (readdirSync(root, { recursive: true, encoding: 'utf8' }) as string[])
    .map((path) => {
      const found = lstatSync(join(root, path));
      return `${path} ${found.mode.toString(8)} ${found.isFile() ? found.size : ''}`;
    })
    .sort();

async function startSshd(
  box: Box,
  place: Place,
  daemons: ChildProcess[],
  { address, publicKey }: { address: string; publicKey: string },
): Promise<number> {
  box.put('root/.ssh/authorized_keys', `${publicKey}\n`);
  box.put('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nsshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n', 0o644);
  box.put('etc/group', 'root:x:0:\nnogroup:x:65534:\n', 0o644);
  mkdirSync(join(place.root, 'run/sshd'), { mode: 0o755 });
  mkdirSync(join(place.root, 'etc/ssh'));
  const made = await box.run('ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key');
  if (made.code !== 0) throw new Error(made.err);
  const port = await freePort();
  const options = [`ListenAddress=${address}`, 'UsePAM=no', 'StrictModes=no', 'PermitRootLogin=yes', 'PidFile=none'];
  const argv = ['-D', '-e', '-f', '/dev/null', '-p', `${port}`, ...options.flatMap((option) => ['-o', option])];
  const line = `exec /usr/sbin/sshd ${argv.join(' ')} -h /etc/ssh/ssh_host_ed25519_key`;
  const child = spawn('unshare', argvOf(place, line), { stdio: ['ignore', 'ignore', 'pipe'] });
  daemons.push(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  for (let tries = 0; !said.includes('Server listening'); tries += 1) {
    if (tries > 100 || child.exitCode !== null) throw new Error(`sshd: ${said}`);
    await sleep(50);
  }
  return port;
}

interface Place {
  root: string;
  tools: string;
  usr: string | null;
}

function argvOf(
  { root, tools, usr }: Place,
  line: string,
  { hide = [], env = {} }: { hide?: string[]; env?: Record<string, string> } = {},
): string[] {
  const mounts = [
    ...['dev', 'proc', 'sys'].map((name) => `mount --rbind /${name} "$R/${name}"`),
    usr
      ? `mount -t overlay box -o lowerdir=/usr,upperdir=${usr}/upper,workdir=${usr}/work "$R/usr"`
      : 'mount --bind /usr "$R/usr" && mount -o remount,bind,ro "$R/usr"',
    'mount --bind "$T" "$R/usr/local/bin"',
    ...hide.map((name) => `mount --bind /dev/null "$R/usr/bin/${name}"`),
  ];
  const path = 'PATH=/usr/local/bin:/usr/sbin:/usr/bin';
  const script = `R=$1 T=$2; shift 2; ${mounts.join(' && ')} && exec chroot "$R" /usr/bin/env -i ${path} HOME=/ "$@"`;
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...UNSHARE, 'sh', '-c', script, 'sh', root, tools, ...given, 'sh', '-c', line];
}

function enter(place: Place, line: string, how: { hide?: string[]; env?: Record<string, string> }): Promise<Ran> {
  const child = spawn('unshare', argvOf(place, line, how), { stdio: ['ignore', 'pipe', 'pipe'] });
  const ran: Ran = { code: -1, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.err += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // Not when its streams close: an agent that was started holds none of them, but one day something might.
    child.once('exit', (code) => setImmediate(() => resolve({ ...ran, code: code ?? -1 })));
  });
}
