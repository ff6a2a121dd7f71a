import * as z from 'zod';
import { MAY, Role, type Actor } from '../../model/actor.ts';
import { ApiToken, Me, Password, Person, PersonName, RegisteredKey } from '../../model/auth.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../context.ts';
import { route, type RawReply, type Route } from '../http/route.ts';
import { SESSION_COOKIE } from './identify.ts';
import { addPerson, changeOwnPassword, changePerson, makeLink, requirePerson, toPerson } from './people.ts';
import { redeemLink, renew, signIn, signOut, type OpenSession } from './sessions.ts';
import { people, personById } from './store.ts';
import { addKey, addToken, endKey, endToken, listKeys, listTokens } from './tokens.ts';

const Done = z.object({ ok: z.literal(true) });
const done = { ok: true as const };

/** JSON that also sets the session cookie, clears it (null), or leaves it as it is (undefined). */
function withSession(platform: Platform, open: OpenSession | null | undefined, reply: unknown): RawReply {
  const json = { contentType: 'application/json', body: JSON.stringify(reply) };
  if (open === undefined) return json;
  const seconds = open ? Math.ceil((open.expiresAt.getTime() - platform.now().getTime()) / 1000) : 0;
  const secure = platform.config.publicUrl?.startsWith('https:') ? '; Secure' : '';
  const cookie = `${SESSION_COOKIE}=${open?.session ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
  return { ...json, headers: { 'set-cookie': cookie } };
}

const meOf = (actor: Actor): Me => ({
  id: actor.id,
  name: actor.name,
  role: actor.role!,
  kind: actor.kind === 'token' ? 'token' : 'user',
});

export function authRoutes(platform: Platform): Route[] {
  return [...sessionRoutes(platform), ...personRoutes(platform), ...tokenRoutes(platform), ...keyRoutes(platform)];
}

function sessionRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'POST',
      path: '/sign-in',
      id: 'signIn',
      summary: 'Open a session with name and password (sets a cookie)',
      access: 'public',
      body: z.object({ name: z.string().max(64), password: z.string().max(1024) }).strict(),
      reply: Me,
      raw: true,
      limit: 10,
      handler: async ({ body, ip }) => {
        const { actor, ...open } = await signIn(platform, body.name, body.password, ip);
        return withSession(platform, open, meOf(actor));
      },
    }),
    route({
      method: 'POST',
      path: '/sign-in/link',
      id: 'redeemLink',
      summary: 'Open a session with a one-time link',
      access: 'public',
      body: z.object({ code: z.string().max(200) }).strict(),
      reply: Me,
      raw: true,
      limit: 10,
      handler: async ({ body, ip }) => {
        const { actor, ...open } = await redeemLink(platform, body.code, ip);
        return withSession(platform, open, meOf(actor));
      },
    }),
    route({
      method: 'POST',
      path: '/sign-out',
      id: 'signOut',
      summary: 'End the session',
      access: MAY.read,
      reply: Done,
      raw: true,
      handler: async ({ actor, cookies }) => {
        await signOut(platform, actor, cookies?.[SESSION_COOKIE]);
        return withSession(platform, null, done);
      },
    }),
    route({
      method: 'GET',
      path: '/me',
      id: 'me',
      summary: 'Who am I, and what may I do; renews a session that is older than an hour',
      access: MAY.read,
      reply: Me,
      raw: true,
      handler: async ({ actor, cookies }) => {
        const session = actor.kind === 'user' ? cookies?.[SESSION_COOKIE] : undefined;
        const renewed = session ? await renew(platform, session) : null;
        return withSession(platform, renewed ?? undefined, meOf(actor));
      },
    }),
    route({
      method: 'PUT',
      path: '/me/password',
      id: 'changeOwnPassword',
      summary: 'Set your own password; ends your sessions, so sign in again',
      access: MAY.read,
      body: z.object({ current: z.string().max(1024).optional(), password: Password }).strict(),
      reply: Done,
      limit: 10,
      handler: async ({ actor, body }) => {
        await changeOwnPassword(platform, actor, body);
        return done;
      },
    }),
  ];
}

function personRoutes(platform: Platform): Route[] {
  const params = z.object({ name: z.string() });
  return [
    route({
      method: 'GET',
      path: '/users',
      id: 'listUsers',
      summary: 'People and their roles',
      access: MAY.admin,
      reply: z.object({ items: z.array(Person) }),
      handler: async () => ({ items: (await people(platform.db)).map(toPerson) }),
    }),
    route({
      method: 'POST',
      path: '/users',
      id: 'addUser',
      summary: 'Add a person',
      access: MAY.admin,
      body: z.object({ name: PersonName, role: Role, password: Password.optional() }).strict(),
      reply: Person,
      status: 201,
      handler: ({ actor, body }) => addPerson(platform, actor, body),
    }),
    route({
      method: 'PATCH',
      path: '/users/:name',
      id: 'changeUser',
      summary: 'Change role or password, disable or enable; ends their sessions',
      access: MAY.admin,
      params,
      body: z
        .object({ role: Role.optional(), password: Password.optional(), disabled: z.boolean().optional() })
        .strict(),
      reply: Person,
      handler: ({ actor, params: { name }, body }) => changePerson(platform, actor, name, body),
    }),
    route({
      method: 'POST',
      path: '/users/:name/link',
      id: 'makeUserLink',
      summary: 'A one-time sign-in code for a person; shown once',
      access: MAY.admin,
      params,
      reply: z.object({ code: z.string(), expiresAt: z.string() }),
      status: 201,
      handler: async ({ actor, params: { name } }) => makeLink(platform, actor, await requirePerson(platform, name)),
    }),
  ];
}

function tokenRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/tokens',
      id: 'listTokens',
      summary: 'Your API tokens, or as an administrator everybody’s; never their secrets',
      access: MAY.read,
      reply: z.object({ items: z.array(ApiToken) }),
      handler: async ({ actor }) => ({ items: await listTokens(platform, actor) }),
    }),
    route({
      method: 'POST',
      path: '/tokens',
      id: 'addToken',
      summary: 'A token for yourself, or as an administrator for someone else; the secret is shown once',
      access: MAY.read,
      body: z
        .object({
          name: z.string().min(1).max(60),
          role: Role.optional(),
          user: z.string().optional(),
          days: z.number().int().min(1).max(3650).nullable().default(90),
        })
        .strict(),
      reply: z.object({ id: z.string(), secret: z.string() }),
      status: 201,
      handler: async ({ actor, body }) => {
        if (body.user && actor.role !== 'admin')
          throw new AppError('FORBIDDEN', { role: actor.role ?? 'none', needs: 'admin' });
        const person = body.user ? await requirePerson(platform, body.user) : await personById(platform.db, actor.id);
        if (!person) throw new AppError('UNAUTHENTICATED');
        // A token of a token may not do more than the token that makes it.
        const own = body.user ? person.role : actor.role!;
        return addToken(
          platform,
          actor,
          { name: body.name, role: body.role ?? own, days: body.days },
          { id: person.id, name: person.name, role: own },
        );
      },
    }),
    route({
      method: 'DELETE',
      path: '/tokens/:id',
      id: 'revokeToken',
      summary: 'End a token of yours, or as an administrator anybody’s',
      access: MAY.read,
      params: z.object({ id: z.string() }),
      reply: Done,
      handler: async ({ actor, params }) => {
        await endToken(platform, actor, params.id);
        return done;
      },
    }),
  ];
}

function keyRoutes(platform: Platform): Route[] {
  return [
    route({
      method: 'GET',
      path: '/keys',
      id: 'listKeys',
      summary: 'Approver keys: public halves',
      access: MAY.read,
      reply: z.object({ items: z.array(RegisteredKey) }),
      handler: async () => ({ items: await listKeys(platform) }),
    }),
    route({
      method: 'POST',
      path: '/keys',
      id: 'addKey',
      summary: 'Register your own approver key (raw Ed25519 public key, base64)',
      access: MAY.approve,
      body: z.object({ name: z.string().min(1).max(60), publicKey: z.string().max(64) }).strict(),
      reply: RegisteredKey,
      status: 201,
      handler: ({ actor, body }) => addKey(platform, actor, body),
    }),
    route({
      method: 'DELETE',
      path: '/keys/:keyId',
      id: 'revokeKey',
      summary: 'End an approver key; approvals it gave stay on the trail',
      access: MAY.approve,
      params: z.object({ keyId: z.string() }),
      reply: Done,
      handler: async ({ actor, params }) => {
        await endKey(platform, actor, params.keyId);
        return done;
      },
    }),
  ];
}
