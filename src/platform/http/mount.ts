import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { AgentIdentity, RawReply, Route, ScannerIdentity } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** who asked, once the authorisation check has said yes; a reply without it never leaves */
    granted: Granted | null;
  }
}
export interface Granted {
  actor: Actor;
  agent: AgentIdentity | null;
  scanner?: ScannerIdentity | null;
}

/** Says who may pass, or throws. */
export type Authorise = (request: FastifyRequest, route: Route) => Promise<Granted>;

/** Registers routes below the prefix of `app`. A route that does not say who may call is refused at start-up. */
export function mount(app: FastifyInstance, routes: readonly Route[], authorise: Authorise): void {
  app.decorateRequest('granted', null);
  // Whatever is registered below this prefix in some other way one day: a good reply that nobody authorised is a defect.
  app.addHook('onSend', async (request, reply) => {
    if (reply.statusCode < 400) requireGranted(request);
  });
  for (const route of routes) {
    if (!route.access || (Array.isArray(route.access) && route.access.length === 0))
      throw new Error(`route ${route.method} ${route.path} does not say who may call it`);
    app.route({
      method: route.method,
      url: route.path,
      schema: schemaOf(route),
      ...(route.bodyLimit ? { bodyLimit: route.bodyLimit } : {}),
      config: route.limit ? { rateLimit: { max: route.limit, timeWindow: '1 minute' } } : {},
      // Before the body is even read: nobody without the right gets to have input parsed.
      onRequest: async (request) => {
        request.granted = await authorise(request, route);
      },
      handler: (request, reply) => handle(route, authorise, request, reply),
    });
  }
}

/** A database that is away for a moment is no reason to send anybody away. */
const isNoRefusal = (error: unknown): boolean => !(error instanceof AppError && [401, 403].includes(error.status));

function requireGranted(request: FastifyRequest): Granted {
  if (request.granted) return request.granted;
  const cause = new Error(`${request.method} ${request.routeOptions.url} was never authorised`);
  throw new AppError('INTERNAL', { request: request.id }, { cause });
}

function schemaOf(route: Route): Record<string, unknown> {
  return {
    ...(route.params ? { params: route.params } : {}),
    ...(route.query ? { querystring: route.query } : {}),
    ...(route.body ? { body: route.body } : {}),
    ...(route.reply && !route.raw ? { response: { [route.status ?? 200]: route.reply } } : {}),
  };
}

async function handle(
  route: Route,
  authorise: Authorise,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const granted = requireGranted(request);
  // No name or text has it, and PostgreSQL takes none: it would be an error of ours.
  if (request.url.includes('%00'))
    throw new AppError('INPUT_INVALID', { why: 'the address has a null character (%00)' });
  const result = await route.handler({
    params: request.params,
    query: request.query,
    body: request.body,
    ...granted,
    ip: request.ip,
    cookies: request.cookies,
    signal: gone(reply),
    still: () => authorise(request, route).then(() => true, isNoRefusal),
  });
  if (!route.raw) return reply.code(route.status ?? 200).send(result ?? null);
  const raw = result as RawReply;
  void reply.code(route.status ?? 200).headers({ ...raw.headers, 'content-type': raw.contentType });
  return reply.send(
    typeof raw.body === 'string' || raw.body instanceof Uint8Array ? raw.body : Readable.from(raw.body),
  );
}

/**
 * Aborts when the client went away before we answered: long polls and streams end with it. The response hears of its
 * connection's end; a listener on the connection itself would stay there for every request it carries.
 */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
