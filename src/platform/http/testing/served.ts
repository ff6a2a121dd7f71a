import type { AddressInfo } from 'node:net';
import { systemActor, type Role } from '../../../model/actor.ts';
import { createAuth, SESSION_COOKIE, type Auth } from '../../auth/index.ts';
import { addPerson } from '../../auth/people.ts';
import { addToken } from '../../auth/tokens.ts';
import type { Platform } from '../../context.ts';
import { buildApi } from '../api.ts';
import type { Route } from '../route.ts';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test expects of it, the test says
  body: any;
}
export interface Call {
  method?: string;
  token?: string | undefined;
  cookie?: string;
  headers?: Record<string, string>;
  /** sent as JSON */
  body?: unknown;
  /** sent as it is, as JSON by its header */
  raw?: string;
}

/** API and console on a real socket. */
export interface Served {
  url: string;
  auth: Auth;
  call(path: string, call?: Call): Promise<Answer>;
  /** a new person of this role, and a token in their name */
  person(role: Role, password?: string): Promise<{ id: string; name: string; token: string }>;
  close(): Promise<void>;
}

export async function serve(
  platform: Platform,
  routes: readonly Route[] = [],
  consoleDir: string | null = null,
  heartbeatMs?: number,
): Promise<Served> {
  const auth = createAuth(platform);
  const app = await buildApi(platform, auth, routes, consoleDir, heartbeatMs);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return {
    url,
    auth,
    call: (path, given) => call(path.startsWith('/') ? `${url}${path}` : `${url}/api/v1/${path}`, given),
    person: async (role, password) => {
      const name = `${role}-${platform.newId('n').slice(-8)}`;
      const { id } = await addPerson(platform, systemActor('test'), { name, role, password });
      const token = await addToken(
        platform,
        systemActor('test'),
        { name: 'test', role, days: null },
        { id, name, role },
      );
      return { id, name, token: token.secret };
    },
    close: () => app.close(),
  };
}

export async function call(url: string, given: Call = {}): Promise<Answer> {
  const content = given.raw ?? (given.body === undefined ? undefined : JSON.stringify(given.body));
  const reply = await fetch(url, {
    method: given.method ?? (content === undefined ? 'GET' : 'POST'),
    headers: headersOf(given, content !== undefined),
    ...(content === undefined ? {} : { body: content }),
  });
  const text = await reply.text();
  const json = reply.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: reply.status, headers: reply.headers, text, body: json && text ? JSON.parse(text) : null };
}

function headersOf({ token, cookie, headers }: Call, hasBody: boolean): Record<string, string> {
  return {
    ...(hasBody ? { 'content-type': 'application/json' } : {}),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(cookie ? { cookie: `${SESSION_COOKIE}=${cookie}` } : {}),
    ...headers,
  };
}

/** The session of a Set-Cookie header; '' when it was cleared, undefined when there is none. */
export function sessionOf(answer: Answer): string | undefined {
  return new RegExp(`^${SESSION_COOKIE}=([^;]*)`).exec(answer.headers.get('set-cookie') ?? '')?.[1];
}
