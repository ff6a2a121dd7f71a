import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as z from 'zod';
import { MAY } from '../../model/actor.ts';
import { EnrollmentToken, EnrollmentTokenInput, NewEnrollmentToken } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { type RawReply, route, type Route } from '../../platform/http/route.ts';
import { fileFor, installer } from './installer/script.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';

export function tokenRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/enrollment-tokens',
      id: 'createEnrollmentToken',
      summary: 'A token for agents that are not deployed over SSH, with the line that installs one; shown once',
      access: MAY.operate,
      body: EnrollmentTokenInput,
      reply: NewEnrollmentToken,
      status: 201,
      handler: ({ actor, body }) => createToken(platform, actor, body),
    }),
    route({
      method: 'GET',
      path: '/enrollment-tokens',
      id: 'listEnrollmentTokens',
      summary: 'Tokens that people made, newest first; never the tokens themselves',
      access: MAY.operate,
      reply: z.object({ items: z.array(EnrollmentToken) }),
      handler: async () => ({ items: await listTokens(platform) }),
    }),
    route({
      method: 'DELETE',
      path: '/enrollment-tokens/:id',
      id: 'revokeEnrollmentToken',
      summary: 'Nobody enrolls with this token from now on; agents that did stay',
      access: MAY.operate,
      params: z.object({ id: z.string() }),
      reply: z.object({ ok: z.literal(true) }),
      handler: async ({ actor, params }) => {
        await revokeToken(platform, actor, params.id);
        return { ok: true as const };
      },
    }),
  ];
}

/** A network behind one address may start many machines in one minute; nobody needs more than that. */
const FETCHES_PER_MINUTE = 120;

/** What a host without a certificate may fetch: the installer and the agent's program. Nothing in them is secret. */
export function installerRoutes(platform: Platform): Route[] {
  const common = { method: 'GET' as const, access: 'enroll' as const, raw: true, limit: FETCHES_PER_MINUTE };
  return [
    route({
      ...common,
      path: '/install.sh',
      id: 'agentInstaller',
      summary: 'The installer that the one line runs',
      handler: async () => ({ contentType: 'text/x-shellscript', body: (await installer(platform)).text }),
    }),
    route({
      ...common,
      path: '/install/:file',
      id: 'agentProgram',
      summary: 'A file of the agent’s program',
      params: z.object({ file: z.string().max(60) }),
      handler: async ({ params }) => {
        const path = await fileFor(platform, params.file);
        if (path === null) throw new AppError('NOT_FOUND', { what: 'file', id: params.file, list: '--help' });
        return sent(path);
      },
    }),
  ];
}

async function sent(path: string): Promise<RawReply> {
  const { size } = await stat(path);
  return {
    contentType: 'application/octet-stream',
    headers: { 'content-length': String(size) },
    body: createReadStream(path, { highWaterMark: 1 << 18 }),
  };
}
