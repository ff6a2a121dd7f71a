import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGuard } from '../../../../scan/scanner/guard.ts';
import { newBucket } from '../../../../scan/logic/pace.ts';
import type { Asking, AskedSource, SourceRecord } from '../contract.ts';
import { sourceHttp } from '../http.ts';

export interface Asked {
  method: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: string;
}
type Said = { status?: number; headers?: Record<string, string>; body: unknown };

/** A server on our own loopback that answers as an API does; what it was asked is kept. */
export async function api(answer: (asked: Asked) => Said | undefined) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: new URL(request.url ?? '/', 'http://localhost'),
        headers: request.headers,
        body,
      };
      asked.push(one);
      const said = answer(one) ?? { status: 404, body: { message: `nothing at ${one.url.pathname}` } };
      const text = typeof said.body === 'string' ? said.body : JSON.stringify(said.body);
      response.writeHead(said.status ?? 200, said.headers ?? {}).end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, asked, close };
}

/** Everything that a source tells, and what it left out. */
export async function readAll(
  source: AskedSource,
  settings: Record<string, string>,
  secrets: Record<string, string> = {},
  allows: (address: string) => boolean = () => false,
): Promise<{ records: SourceRecord[]; skipped: string[] }> {
  const skipped: string[] = [];
  const defaults = source.fields.flatMap(({ name, default: value }) => (value === undefined ? [] : [[name, value]]));
  const signal = AbortSignal.timeout(20_000);
  const asking: Asking = {
    settings: { ...(Object.fromEntries(defaults) as Record<string, string>), ...settings },
    secrets,
    http: sourceHttp({ socketPath: settings['socket'], signal, firstWaitMs: 5 }),
    now: new Date('2026-03-01T12:00:00Z'),
    signal,
    look: (address, use) => {
      const bucket = newBucket(1e6, performance.now());
      return use(createGuard({ bucket, allows: (other) => other === address && allows(other) }));
    },
    skip: (why) => void skipped.push(why),
  };
  const records: SourceRecord[] = [];
  for await (const record of source.read(asking)) records.push(record);
  return { records, skipped };
}
