import fastifyCookie from '@fastify/cookie';
import fastifyRateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { AppError } from '../../model/errors/index.ts';
import { CSRF_HEADER, SESSION_COOKIE, type Auth } from '../auth/index.ts';
import type { Platform } from '../context.ts';
import { serveConsole } from './console.ts';
import { eventsRoute } from './events.ts';
import { mount, type Granted } from './mount.ts';
import { openApi } from './openapi.ts';
import { sendError } from './replies.ts';
import { route, type Route } from './route.ts';

export const API_PREFIX = '/api/v1';
const BODY_LIMIT = 1024 * 1024;

/** Everything the console needs, and nothing from elsewhere. Inline styles are how the component library positions. */
const CSP =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Console and public API. */
export async function buildApi(
  platform: Platform,
  auth: Auth,
  routes: readonly Route[],
  consoleDir: string | null,
  heartbeatMs?: number,
): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    logger: false,
    genReqId: () => platform.newId('req'),
    trustProxy: platform.config.trustProxy ?? false,
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, platform.log),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, platform.log));
  await app.register(fastifyCookie);
  await app.register(fastifyRateLimit, { global: false });
  app.addHook('onSend', async (_request, reply) => {
    void reply.headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': CSP,
      'cross-origin-opener-policy': 'same-origin',
    });
  });
  const all = [...auth.routes, ...routes, eventsRoute(platform.events, heartbeatMs)];
  const document = openApi(all);
  const describe = route({
    method: 'GET',
    path: '/openapi.json',
    id: 'openApi',
    summary: 'This API, as OpenAPI 3.1',
    access: 'public',
    raw: true,
    handler: async () => ({ contentType: 'application/json', body: JSON.stringify(document) }),
  });
  await app.register(
    async (api) => mount(api, [...all, describe], (request, target) => authorise(auth, request, target)),
    { prefix: API_PREFIX },
  );
  await serveConsole(app, consoleDir, API_PREFIX);
  return app;
}

async function authorise(auth: Auth, request: FastifyRequest, target: Route): Promise<Granted> {
  const actor = await auth.identify({
    authorization: request.headers.authorization,
    sessionCookie: request.cookies[SESSION_COOKIE],
    safe: request.method === 'GET' || request.method === 'HEAD',
    csrfHeader: request.headers[CSRF_HEADER] as string | undefined,
    ip: request.ip,
  });
  if (target.access === 'public')
    return { actor: actor ?? { kind: 'system', id: 'nobody', name: 'nobody', ip: request.ip }, agent: null };
  if (!actor) throw new AppError('UNAUTHENTICATED');
  const allowed = typeof target.access === 'string' ? [] : target.access;
  if (!actor.role || !allowed.includes(actor.role))
    throw new AppError('FORBIDDEN', { role: actor.role ?? 'none', needs: allowed.join(' or ') });
  return { actor, agent: null };
}
