import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { RunningServer, ServerRole } from '../../server/start.ts';
import { Exit } from '../exit.ts';
import type { Context } from '../context.ts';
import { does, text, type Options } from '../run.ts';

const ROOT = join(import.meta.dirname, '../../..');

export function addServe(root: Command): void {
  const up = root
    .command('up')
    .description('Start everything on this machine: server, worker, console, embedded PostgreSQL');
  does(serverOptions(up), (context, _, options) => serve(context, ['api', 'worker'], options));
  const server = root
    .command('server')
    .description('Start console and API only, on a PostgreSQL shared with workers (DATABASE_URL)');
  does(serverOptions(server), (context, _, options) => serve(context, ['api'], options));
  const worker = root
    .command('worker')
    .description('Start a worker only, on a PostgreSQL shared with servers (DATABASE_URL)');
  does(serverOptions(worker), (context, _, options) => serve(context, ['worker'], options));
  const demo = root
    .command('demo')
    .description('Start the demo estate and walk the whole loop on it')
    .option('--once', 'run to the end unattended and exit 0 only if every claim held')
    .option('--keep', 'leave the estate up after --once')
    .allowUnknownOption()
    .allowExcessArguments();
  demo.action(async () => {
    const args = process.argv.slice(process.argv.indexOf('demo') + 1);
    throw new Exit(await passOn(process.execPath, [join(ROOT, 'scripts/demo.ts'), ...args]));
  });
}

function serverOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory')
    .option('--port <port>', 'port of console and API')
    .option('--listen <address>', 'address to listen on')
    .option('--agent-port <port>', 'port that agents call')
    .option('--agent-listen <address>', 'address to listen on for agents')
    .option('--agent-address <host:port>', 'address that agents are told to call')
    .option('--database-url <url>', 'a PostgreSQL of your own')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent');
}

async function serve(context: Context, roles: readonly ServerRole[], options: Options): Promise<void> {
  // Loaded here only: every other command starts faster without the server.
  const { loadConfig, startServer } = await import('../../server/start.ts');
  const names = ['port', 'listen', 'agentPort', 'agentListen', 'agentAddress', 'databaseUrl', 'logLevel'] as const;
  const flags = Object.fromEntries(names.map((name) => [name, text(options, name)]));
  const config = loadConfig(undefined, { ...flags, dataDir: text(options, 'data') ?? context.dataDir });
  const stopped = signalled();
  const server = await startServer(config, roles);
  announce(context, server, config.dataDir);
  const signal = await stopped;
  context.output.err(`stopping (${signal})`);
  await server.stop();
}

function announce(context: Context, server: RunningServer, dataDir: string): void {
  const { output } = context;
  const { url, adminCode, agentAddress } = server;
  const adminLink = url && adminCode ? `${url}/sign-in#code=${adminCode}` : null;
  if (output.json) return output.out(JSON.stringify({ url, adminLink, agentAddress, dataDir, pid: process.pid }));
  if (url) output.out(`console   ${url}`);
  if (adminLink) output.out(`sign in   ${adminLink}\n          (administrator, works once, within the hour)`);
  if (url) output.out(`agents    call ${agentAddress} (--agent-address)`);
  output.out(`data      ${dataDir}`);
  output.out('Ctrl-C stops everything cleanly.');
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function signalled(): Promise<string> {
  return new Promise((resolve) => {
    let seen = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (seen) process.exit(130);
        seen = true;
        resolve(signal);
      });
    }
  });
}

function passOn(command: string, args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    // The terminal sends Ctrl-C to the whole group; we only wait until the child has cleaned up.
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => (signal === 'SIGTERM' ? child.kill(signal) : undefined));
    child.on('close', (code) => resolve(code ?? 1));
  });
}
