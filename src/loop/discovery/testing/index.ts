import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { sql } from 'kysely';
import ssh2 from 'ssh2';
import type { Actor } from '../../../model/actor.ts';
import type { Platform } from '../../../platform/context.ts';
import type { Scope } from '../../../model/estate.ts';
import type { Source } from '../../../model/source.ts';
import { Entry } from '../../../model/trail.ts';
import { pushSource } from '../push-source.ts';
import { runSource } from '../run-source.ts';
import { Buckets } from '../scopes.ts';
import { insertScope } from '../store-scans.ts';
import { sourceRow, toSource } from '../store-sources.ts';
import { newSshKey as newKeyPair } from '../../../host/ssh/testing/keys.ts';

export const OPERATOR: Actor = { kind: 'user', id: 'user_operator', name: 'Olga', role: 'operator' };

export interface Listening {
  address: string;
  port: number;
  close(): Promise<void>;
}

/** A real SSH server that lets nobody in. Same `key`, same machine. `tried` counts attempts to log in; a request that shows nothing is none. */
export async function sshServer(
  address: string,
  key = newSshKey(),
  port = 0,
): Promise<Listening & { key: string; tried: number }> {
  const open = new Set<{ end(): void }>();
  const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
    open.add(client);
    client.on('authentication', (context) => {
      if (context.method !== 'none') handle.tried++;
      context.reject(['publickey']);
    });
    client.on('error', () => undefined);
    client.on('close', () => open.delete(client));
  });
  server.listen(port, address);
  await once(server, 'listening');
  const handle = {
    address,
    port: (server.address() as AddressInfo).port,
    key,
    tried: 0,
    close: async () => {
      for (const client of open) client.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return handle;
}

export const newSshKey = (): string => newKeyPair().private;

export async function tlsServer(address: string, pem: { key: string; cert: string }, port = 0): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createTls(pem, (socket) => socket.end('hello'));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(port, address);
  await once(server, 'listening');
  return {
    address,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Stores a scope as the route would, for tests that start from one. */
export async function addScope(
  platform: Platform,
  fields: Partial<Scope> & Pick<Scope, 'cidrs' | 'ports'>,
): Promise<Scope> {
  const scope: Scope = {
    id: platform.newId('scope'),
    name: `scope-${platform.newId('n').slice(-6)}`,
    exclude: [],
    follow: [],
    udp: 'none',
    rate: 5000,
    subnetRate: 5000,
    every: null,
    blackouts: [],
    fullEvery: null,
    agents: false,
    site: 'local',
    createdAt: platform.now().toISOString(),
    ...fields,
  };
  await platform.act(OPERATOR, { type: 'discovery.scope.added', subject: { kind: 'scope', id: scope.id } }, (tx) =>
    insertScope(tx.db, scope),
  );
  return scope;
}

/** Hands a file over and has it read; the source as it is then. */
export async function pushAndRead(platform: Platform, ref: string, text: string): Promise<Source> {
  const { id } = await pushSource(platform, OPERATOR, ref, text);
  await runSource(platform, new Buckets(), id);
  return toSource((await sourceRow(platform.db, id))!, platform.now());
}

/** Entries in order of writing, leaving out the first `skip`. */
export async function entriesSince(platform: Platform, skip: number): Promise<Entry[]> {
  const { rows } = await sql<{ bytes: Buffer }>`select bytes from ledger.entry order by seq`.execute(platform.db);
  return rows.map((row) => Entry.parse(JSON.parse(row.bytes.toString('utf8')))).slice(skip);
}

export async function lastEntry(platform: Platform, type: string, subjectId: string): Promise<Entry> {
  const all = await entriesSince(platform, 0);
  const found = all.findLast((entry) => entry.type === type && entry.subject.id === subjectId);
  if (!found) throw new Error(`no ${type} about ${subjectId}`);
  return found;
}
