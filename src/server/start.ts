import type { FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../model/errors/index.ts';
import type { Auth } from '../platform/auth/index.ts';
import { agentListenOf } from '../platform/config/agents.ts';
import { buildAgentListener } from '../platform/http/agents.ts';
import { buildApi } from '../platform/http/api.ts';
import { createPlatform, loadConfig } from '../platform/index.ts';
import { compose } from './compose.ts';
import { forgetLocal, readLocal, writeLocal } from './local.ts';

export { loadConfig };
type Config = ReturnType<typeof loadConfig>;
export type ServerRole = 'api' | 'worker';

export interface RunningServer {
  /** address of console and API; null for a worker alone */
  url: string | null;
  agentAddress: string;
  /** the first time: the code of the one-time administrator link */
  adminCode: string | null;
  stop(): Promise<void>;
}

const CONSOLE_DIR = join(import.meta.dirname, '../../dist/console');

/** One process with the given roles on one database; any number of them may run on a PostgreSQL of your own. */
export async function startServer(given: Config, roles: readonly ServerRole[]): Promise<RunningServer> {
  const config = { ...given, agentAddress: agentAddressOf(given) };
  const platform = await createPlatform(config);
  const stops: (() => Promise<unknown>)[] = [() => platform.close()];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse())
      await step().catch((err: unknown) => platform.log.error({ err }, 'stopping went wrong'));
  };
  try {
    const loop = compose(platform);
    const server: RunningServer = { url: null, agentAddress: config.agentAddress, adminCode: null, stop };
    if (roles.includes('api')) {
      const agents = buildAgentListener(
        platform,
        {
          identity: await loop.enrollment.listenerIdentity(),
          authenticate: loop.enrollment.authenticate,
          authenticateScanner: loop.enrollment.authenticateScanner,
        },
        loop.agentRoutes,
      );
      stops.push(() => agents.close());
      const agentPort = await listen(agents, agentListenOf(config), config.agentPort);
      // A port of 0 is taken before anything is told to agents, so that what they are told is true.
      if (config.agentPort === 0)
        config.agentAddress = server.agentAddress = config.agentAddress.replace(/\d+$/, String(agentPort));
      const api = await buildApi(platform, loop.auth, loop.routes, CONSOLE_DIR);
      stops.push(() => api.close());
      const port = await listen(api, config.listen, config.port);
      const here = `http://${inAddress(ANYWHERE.includes(config.listen) ? '127.0.0.1' : config.listen)}:${port}`;
      server.url = config.publicUrl ?? here;
      stops.push(await beFoundHere(loop.auth, config.dataDir, here));
      // Last of all: a start that is refused must not use it up.
      server.adminCode = await loop.auth.firstAdmin();
    }
    if (roles.includes('worker')) {
      await platform.startWorkers(loop.jobs, loop.schedules);
      stops.push(loop.trail.follow());
    }
    return server;
  } catch (error) {
    await stop();
    throw error;
  }
}

const inAddress = (host: string): string => (host.includes(':') ? `[${host}]` : host);
const ANYWHERE: readonly string[] = ['0.0.0.0', '::'];

/** What agents are told to call: what was configured, else where we listen for them. */
function agentAddressOf(config: Config): string {
  const untold = loadConfig({}).agentAddress;
  if (config.agentAddress !== untold) return config.agentAddress;
  const host = ANYWHERE.includes(config.listen) ? ownAddress(config.publicUrl) : config.listen;
  return `${inAddress(host)}:${config.agentPort}`;
}

/** Listening everywhere, an agent elsewhere needs an address that is not its own loopback. */
function ownAddress(publicUrl: string | null): string {
  if (publicUrl) return new URL(publicUrl).hostname.replace(/^\[|\]$/g, '');
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4');
  return outside?.address ?? '127.0.0.1';
}

/** Leaves address and a token for the command line on this machine; returns how to take them back. */
async function beFoundHere(auth: Auth, dataDir: string, url: string): Promise<() => Promise<void>> {
  const left = await readLocal(dataDir);
  // A server that was killed could not take its own back.
  if (left) await auth.endLocalToken(left.token);
  const token = await auth.localToken();
  await writeLocal(dataDir, { url, token, pid: process.pid });
  return async () => {
    await forgetLocal(dataDir);
    await auth.endLocalToken(token);
  };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'something listens there already' : message;
    throw new AppError('LISTEN', { host, port, why }, { cause });
  }
  return (app.server.address() as AddressInfo).port;
}
