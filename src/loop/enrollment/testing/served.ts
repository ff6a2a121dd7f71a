import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { buildAgentListener } from '../../../platform/http/agents.ts';
import { testPlatform, type TestOptions, type TestPlatform } from '../../../platform/testing.ts';
import { createDiscovery, type Discovery } from '../../discovery/index.ts';
import { createEnrollment, type Enrollment } from '../index.ts';
import { keepPacked } from './packed.ts';
import { freePort } from './ports.ts';

export const operator = { kind: 'user' as const, id: 'user_1', name: 'alex', role: 'operator' as const };

/** Discovery and enrollment with the agents' listener, for agents that are real. */
export interface Served {
  platform: TestPlatform;
  discovery: Discovery;
  enrollment: Enrollment;
  address: string;
  /** the listener goes away, and comes back at the same address */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Something that listens there, so that an agent on this machine has an address that tells it from others. */
export async function occupy(address: string): Promise<Server> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  return server;
}

export async function serve(
  options: TestOptions = {},
  how: Parameters<typeof createEnrollment>[3] = {},
  finding: Parameters<typeof createDiscovery>[1] = {},
): Promise<Served> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const platform = await testPlatform({ ...options, config: { agentAddress: address, ...options.config } });
  await keepPacked(platform.config.dataDir);
  const discovery = createDiscovery(platform, finding);
  const enrollment = createEnrollment(platform, discovery, async () => 'lastember.test+00000000+key', how);
  const identity = await enrollment.listenerIdentity();
  let listener: FastifyInstance | null = null;
  const up = async (): Promise<void> => {
    listener = buildAgentListener(
      platform,
      {
        identity,
        authenticate: enrollment.authenticate,
        authenticateScanner: enrollment.authenticateScanner,
      },
      [...enrollment.agentRoutes, ...discovery.agentRoutes],
    );
    await listener.listen({ host: '127.0.0.1', port });
  };
  const down = async (): Promise<void> => {
    await listener?.close();
    listener = null;
  };
  await up();
  platform.handle({ ...discovery.jobs, ...enrollment.jobs });
  const close = async (): Promise<void> => {
    await down();
    await platform.close();
  };
  return { platform, discovery, enrollment, address, down, up, close };
}

/** Finds what listens there, as somebody does who scans it. */
export async function scan({ discovery, platform }: Served, addresses: string[], ports: string): Promise<void> {
  const call = async (id: string, body: object): Promise<void> => {
    const found = discovery.routes.find((route) => route.id === id)!;
    const signal = AbortSignal.timeout(60_000);
    // As the server does it, with the defaults of what is left out.
    const parsed = found.body!.parse(body);
    await found.handler({ params: {}, query: {}, body: parsed, actor: operator, agent: null, ip: '', signal } as never);
  };
  const cidrs = addresses.map((address) => `${address}/32`);
  const fields = { cidrs, ports, rate: 2000 };
  const name = `boxes-${ports}`;
  await call('createScope', { name, ...fields });
  await call('createScan', { scope: name });
  await platform.drain();
}
