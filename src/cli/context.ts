import type { Command } from 'commander';
import { createClient, Unreachable, type Client } from '../client/client.ts';
import { defaultDataDir, readLocal } from '../server/local.ts';
import { readEnv, type CliEnv } from './env.ts';
import type { Output } from './output.ts';

/** What every command gets: a client of the server it is meant for, and where to write. */
export interface Context {
  env: CliEnv;
  output: Output;
  dataDir: string;
  client(): Promise<Client>;
  /** address and token, for what is no plain API call (downloads) */
  connection(): Promise<{ url: string; token: string | null }>;
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
  const connection = async (): Promise<{ url: string; token: string | null }> => {
    const server = options.server ?? env.server;
    if (server) return { url: server.replace(/\/+$/, ''), token: env.token };
    const local = await readLocal(dataDir);
    if (!local)
      throw new Unreachable(`${dataDir} (no server has written its address there; set --server or --data)`, null);
    return { url: local.url, token: env.token ?? local.token };
  };
  return {
    env,
    dataDir,
    connection,
    output: {
      json: options.json === true,
      colour: env.colour && options.json !== true,
      out: (text) => void process.stdout.write(`${text}\n`),
      err: (text) => void process.stderr.write(`${text}\n`),
    },
    client: async () => {
      const { url, token } = await connection();
      return createClient({
        baseUrl: url,
        headers: { 'x-lastember': 'cli', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      });
    },
  };
}
