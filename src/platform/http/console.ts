import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../model/errors/index.ts';
import { sendError } from './replies.ts';
import type { Logger } from 'pino';

const NOT_BUILT =
  '<!doctype html><meta charset="utf-8"><title>Lastember</title><p>The console is not built. Run <code>npm run build:console</code> and reload.</p>';

/** The built console; addresses of its pages all get index.html, unknown addresses of the API a proper refusal. */
export async function serveConsole(app: FastifyInstance, dir: string | null, apiPrefix: string): Promise<void> {
  const built = dir !== null && existsSync(join(dir, 'index.html'));
  if (built)
    await app.register(fastifyStatic, {
      root: dir,
      cacheControl: false,
      // Built files are named by their content; the page that names them is asked for every time.
      setHeaders: (reply, path) =>
        void reply.header('cache-control', path.endsWith('.html') ? 'no-cache' : 'public, max-age=31536000, immutable'),
    });
  app.setNotFoundHandler((request, reply) => {
    const page =
      request.method === 'GET' &&
      !request.url.startsWith('/api/') &&
      !/\.\w{2,5}$/.test(request.url.split('?')[0] ?? '');
    if (!page)
      return sendError(
        new AppError('NOT_FOUND', {
          what: 'address',
          id: `${request.method} ${request.url.split('?')[0]}`,
          list: `--help, or ${apiPrefix}/openapi.json`,
        }),
        request,
        reply,
        noLog,
      );
    void reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache');
    return built ? reply.sendFile('index.html') : reply.code(503).send(NOT_BUILT);
  });
}

const noLog = { error: () => {} } as unknown as Logger;
