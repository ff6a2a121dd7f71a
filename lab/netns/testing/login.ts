/** `node login.ts JSON`, run in a lab's namespace: logs in with SSH, runs a command, says on standard output how it went. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import type { Client, ConnectConfig } from 'ssh2';

export interface Login {
  host: string;
  username: string;
  password?: string;
  privateKey?: string;
  command: string;
  /** what the command reads */
  input?: string;
  /** log in here first, with the same key, and go on from there */
  through?: string;
}

export interface LoggedIn {
  error?: string;
  code: number;
  stdout: string;
  stderr: string;
}

async function main(login: Login): Promise<LoggedIn> {
  const secret = login.password ? { password: login.password } : { privateKey: login.privateKey! };
  const clients: Client[] = [];
  try {
    let socket: Duplex = connect(22, login.through ?? login.host);
    if (login.through) {
      const first = await logIn({ sock: socket as never, username: login.username, ...secret });
      clients.push(first);
      socket = await new Promise<Duplex>((resolve, reject) =>
        first.forwardOut('127.0.0.1', 0, login.host, 22, (error, channel) =>
          error ? reject(error) : resolve(channel),
        ),
      );
    }
    const client = await logIn({ sock: socket as never, username: login.username, ...secret });
    clients.push(client);
    return await runOver(client, login.command, login.input ?? '');
  } catch (error) {
    return { error: (error as Error).message, code: -1, stdout: '', stderr: '' };
  } finally {
    for (const client of clients) client.end();
  }
}

function logIn(config: ConnectConfig): Promise<Client> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client)).on('error', reject);
    client.connect({ readyTimeout: 30_000, ...config });
  });
}

function runOver(client: Client, command: string, input: string): Promise<LoggedIn> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      const ran: LoggedIn = { code: -1, stdout: '', stderr: '' };
      channel.on('data', (chunk: Buffer) => (ran.stdout += chunk));
      channel.stderr.on('data', (chunk: Buffer) => (ran.stderr += chunk));
      channel.on('exit', (code: number | null) => (ran.code = code ?? -1));
      channel.on('close', () => resolve(ran));
      channel.end(input);
      return undefined;
    });
  });
}

process.stdout.write(`${JSON.stringify(await main(JSON.parse(process.argv[2]!) as Login))}\n`);
