import ssh2 from 'ssh2';
import type { Client, ConnectConfig } from 'ssh2';
import type { DemoHost, Estate } from './estate.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Logs in to a demo host as a person would, with whatever its description says works. For tests. */
export function logIn(estate: Estate, host: DemoHost, overrides: Partial<ConnectConfig> = {}): Promise<Client> {
  const { username, password, privateKey } = estate.login;
  const secret = host.spec.login === 'password' ? { password } : { privateKey };
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client)).once('error', reject);
    client.once('connect', () => client.setNoDelay(true));
    client.connect({ host: host.address, port: host.sshPort, username, ...secret, ...overrides });
  });
}

export function runOver(client: Client, command: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      const ran: Ran = { code: -1, stdout: '', stderr: '' };
      channel.on('data', (chunk: Buffer) => (ran.stdout += chunk));
      channel.stderr.on('data', (chunk: Buffer) => (ran.stderr += chunk));
      channel.on('exit', (code: number | null) => (ran.code = code ?? -1));
      channel.on('close', () => resolve(ran));
      return undefined;
    });
  });
}

/** Runs one command on a host in a session of its own. */
export async function on(estate: Estate, name: string, command: string): Promise<Ran> {
  const client = await logIn(estate, estate.host(name));
  try {
    return await runOver(client, command);
  } finally {
    client.end();
  }
}
