import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel, Session } from 'ssh2';
import { mayLogIn, sshdSettings } from './accounts.ts';
import { guestEnvironment, inTree, PATH_DIRS, type Machine } from './machine.ts';
import type { BuiltIn } from './services.ts';
import { serveSftp } from './sftp.ts';
import { splitWords } from './words.ts';

export const HOST_KEY = '/etc/ssh/ssh_host_ed25519_key';

/** The host's SSH server. It reads its settings when it starts, so a changed sshd_config needs `systemctl restart ssh`. */
export function createSshd(machine: Machine): BuiltIn {
  let server: ssh2.Server | null = null;
  return {
    start: async () => {
      const settings = sshdSettings(machine);
      const hostKeys = [readFileSync(inTree(machine, HOST_KEY))];
      const fresh = new ssh2.Server({ hostKeys, ident: 'OpenSSH_6.0p1 Debian-4+deb7u2' }, (client) =>
        serve(machine, settings, client),
      );
      await new Promise<void>((resolve, reject) => {
        fresh.once('error', reject);
        fresh.listen(machine.sshPort, machine.address, resolve);
      });
      server = fresh;
    },
    // Sessions that are open stay open, as they do when sshd restarts; only the listener goes.
    stop: async () => {
      server?.close();
      server = null;
    },
  };
}

function serve(machine: Machine, settings: Map<string, string>, client: Connection): void {
  const methods = settings.get('passwordauthentication') === 'no' ? ['publickey'] : ['publickey', 'password'];
  client.on('error', () => {});
  // Many small packets each way: waiting for acknowledgements would add 40 ms to every one.
  (client as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
  client.on('authentication', (attempt) => {
    if (mayLogIn(machine, settings, attempt)) attempt.accept();
    else attempt.reject(methods as ssh2.AuthenticationType[]);
  });
  client.on('session', (accept) => serveSession(machine, accept()));
}

function serveSession(machine: Machine, session: Session): void {
  session.on('sftp', (accept) => serveSftp(accept(), machine.root));
  session.on('exec', (accept, _reject, { command }) => runCommand(machine, session, command, accept()));
  session.on('pty', (accept) => accept());
  session.on('shell', (accept) => {
    const channel = accept();
    fail(channel, 1, 'This demo host has no shell. Give a command: ssh HOST systemctl show ssh\r\n');
  });
}

function fail(channel: ServerChannel, code: number, why: string): void {
  channel.stderr.write(why);
  channel.exit(code);
  channel.end();
}

function lookUp(machine: Machine, name: string): string | null {
  const candidates = name.includes('/') ? [name] : PATH_DIRS.map((dir) => join(dir, name));
  for (const path of candidates.map((candidate) => inTree(machine, candidate))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this directory
    }
  }
  return null;
}

function runCommand(machine: Machine, session: Session, line: string, channel: ServerChannel): void {
  let argv: string[];
  try {
    argv = splitWords(line);
  } catch (error) {
    return fail(channel, 2, `${(error as Error).message}\n`);
  }
  const program = lookUp(machine, argv[0] ?? '');
  if (!program) return fail(channel, 127, `${argv[0] ?? ''}: command not found\n`);
  const child = spawn(program, argv.slice(1), {
    argv0: argv[0]!,
    cwd: machine.root,
    env: guestEnvironment(machine),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  channel.on('error', () => {});
  child.stdin.on('error', () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  session.on('signal', (_accept, _reject, { name }) => void child.kill(`SIG${name}` as NodeJS.Signals));
  channel.on('close', () => void child.kill('SIGHUP'));
  child.on('error', (error) => fail(channel, 126, `${argv[0]}: ${error.message}\n`));
  child.on('close', (code, signal) => {
    if (signal) channel.exit(signal.replace(/^SIG/, ''));
    else channel.exit(code ?? 1);
    channel.end();
  });
  return undefined;
}
