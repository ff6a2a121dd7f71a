import type { Command } from 'commander';
import { createClient, Unreachable, type Client, type ClientOptions } from '../client/client.ts';
import { defaultDataDir, readLocal } from '../server/local.ts';
import { readEnv, type CliEnv } from './env.ts';
import { UsageError } from './exit.ts';
import { harmless, type Output } from './output.ts';

/** What every command gets: a client of the server it is meant for, and where to write. */
export interface Context {
  env: CliEnv;
  output: Output;
  dataDir: string;
  /** the address that was given; null: that of the local data directory is meant */
  server: string | null;
  client(): Promise<Client>;
  /** how the client reaches its server */
  connection(): Promise<ClientOptions>;
}

interface GlobalOptions {
  server?: string;
  data?: string;
  json?: boolean;
}

export function contextOf(command: Command): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  const env = readEnv();
  const dataDir = options.data ?? defaultDataDir(env.directories);
  const connection = async (): Promise<ClientOptions> => {
    const { url, token } = await serverOf(options.server ?? env.server, env.token, dataDir);
    return { baseUrl: url, headers: { 'x-lastember': 'cli', ...(token ? { authorization: `Bearer ${token}` } : {}) } };
  };
  return {
    env,
    dataDir,
    server: options.server ?? env.server,
    connection,
    output: {
      json: options.json === true,
      colour: env.colour && options.json !== true,
      out: (text) => void process.stdout.write(`${options.json ? text : harmless(text)}\n`),
      err: (text) => void process.stderr.write(`${harmless(text)}\n`),
    },
    client: async () => createClient(await connection()),
  };
}

async function serverOf(
  server: string | null,
  token: string | null,
  dataDir: string,
): Promise<{ url: string; token: string | null }> {
  if (server) {
    if (!/^https?:\/\/\S+$/.test(server))
      throw new UsageError(`--server takes an address such as http://127.0.0.1:7414, not "${server}"`);
    return { url: server.replace(/\/+$/, ''), token };
  }
  const local = await readLocal(dataDir);
  if (!local)
    throw new Unreachable(`${dataDir} (no server has written its address there; set --server or --data)`, null);
  return { url: local.url, token: token ?? local.token };
}
