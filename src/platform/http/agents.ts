import fastifyRateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { TLSSocket } from 'node:tls';
import { createHash } from 'node:crypto';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../context.ts';
import { mount, type Granted } from './mount.ts';
import { sendError } from './replies.ts';
import type { AgentIdentity, Route, ScannerIdentity } from './route.ts';

/** Facts of a large host are a few megabytes. */
const BODY_LIMIT = 16 * 1024 * 1024;
/** A certificate request is a kilobyte; nobody without a certificate has more to say. */
const ENROLL_LIMIT = 64 * 1024;

export interface AgentListener {
  identity: { key: string; cert: string; ca: string };
  authenticate(fingerprint: string): Promise<AgentIdentity | null>;
  /** the same for scanners at remote sites; without it there are none */
  authenticateScanner?(fingerprint: string): Promise<ScannerIdentity | null>;
}

/**
 * The agents' own listener: TLS with client certificates of our authority. A client without one gets as far as
 * enrolling, no further; who it is, is decided by the certificate's fingerprint at every request, so that a revoked
 * agent is out at once.
 */
export function buildAgentListener(
  platform: Platform,
  listener: AgentListener,
  routes: readonly Route[],
): FastifyInstance {
  const { key, cert, ca } = listener.identity;
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    logger: false,
    genReqId: () => platform.newId('req'),
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, platform.log),
    https: { key, cert, ca, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
  }) as unknown as FastifyInstance;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, platform.log));
  app.setNotFoundHandler((request, reply) =>
    sendError(
      new AppError('NOT_FOUND', { what: 'agent address', id: request.url, list: '--help' }),
      request,
      reply,
      platform.log,
    ),
  );
  void app.register(
    async (api) => {
      // Within the prefix, so that its hooks are there before the routes are; only those that say how often are limited.
      await api.register(fastifyRateLimit, { global: false });
      mount(api, routes.map(small), (request, route) => authorise(listener, request, route, platform.now()));
    },
    {
      prefix: '/agent/v1',
    },
  );
  return app;
}

function small(route: Route): Route {
  return route.access === 'enroll' ? { bodyLimit: ENROLL_LIMIT, ...route } : route;
}

async function authorise(listener: AgentListener, request: FastifyRequest, route: Route, now: Date): Promise<Granted> {
  if (route.access === 'enroll')
    return { actor: { kind: 'agent', id: 'enrolling', name: 'enrolling', ip: request.ip }, agent: null };
  if (route.access !== 'agent' && route.access !== 'scanner')
    throw new AppError('NOT_FOUND', { what: 'agent address', id: route.path, list: '--help' });
  const socket = request.raw.socket as TLSSocket;
  const certificate = socket.getPeerCertificate();
  // `authorized`: the chain ends at our authority and is in time. The fingerprint then says who, and whether still.
  if (!certificate.raw || !(socket.authorized || hasLapsed(socket, route, now)))
    throw new AppError('AGENT_UNAUTHENTICATED');
  const fingerprint = createHash('sha256').update(certificate.raw).digest('hex');
  if (route.access === 'scanner') return grantScanner(listener, request, fingerprint);
  const agent = await listener.authenticate(fingerprint);
  if (!agent) throw new AppError('AGENT_REVOKED', { id: String(certificate.subject?.CN ?? 'unknown') });
  return { actor: { kind: 'agent', id: agent.agentId, name: agent.agentId, ip: request.ip }, agent };
}

async function grantScanner(listener: AgentListener, request: FastifyRequest, fingerprint: string): Promise<Granted> {
  const scanner = (await listener.authenticateScanner?.(fingerprint)) ?? null;
  if (!scanner) throw new AppError('SCANNER_REVOKED');
  const { scannerId } = scanner;
  return { actor: { kind: 'scanner', id: scannerId, name: scannerId, ip: request.ip }, agent: null, scanner };
}

/**
 * Its certificate ended a short while ago. That the key is its own was shown by the handshake all the same, and the
 * fingerprint says whether this very certificate is one that we gave out.
 */
function hasLapsed(socket: TLSSocket, { lapsedDays = 0 }: Route, now: Date): boolean {
  if (lapsedDays === 0 || String(socket.authorizationError) !== 'CERT_HAS_EXPIRED') return false;
  const ended = socket.getPeerX509Certificate()?.validToDate.getTime();
  return ended !== undefined && now.getTime() <= ended + lapsedDays * 86_400_000;
}
