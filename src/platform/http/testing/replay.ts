import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Published {
  bytes: Buffer;
  /** in the place of the file: where it is now */
  redirect?: string;
  headers?: Record<string, string>;
  /** how many bytes go out before the connection breaks, at each request in turn; then it is sent whole */
  cuts?: number[];
  /** it knows no parts */
  isWholeOnly?: boolean;
  status?: number;
}

/** Replays files as publishers serve them: ETag, parts, redirects, and connections that break. */
export class ReplayServer {
  readonly files = new Map<string, Published>();
  /** path and, where a part was asked for, which */
  readonly asked: string[] = [];
  readonly #server: Server;
  #scheme: string;
  constructor(tls?: { key: string; cert: string }) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response);
    this.#server = tls ? createTlsServer(tls, answer) : createServer(answer);
    this.#scheme = tls ? 'https' : 'http';
  }
  put(path: string, content: Buffer | string, rest: Omit<Published, 'bytes'> = {}): void {
    this.files.set(path, { bytes: Buffer.from(content), ...rest });
  }
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
  #answer({ url, headers }: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(url!);
    this.asked.push(headers.range === undefined ? url! : `${url} ${headers.range}`);
    if (!file) return void response.writeHead(404).end('no such file');
    if (file.redirect !== undefined) return void response.writeHead(302, { location: file.redirect }).end();
    const etag = `"${createHash('sha256').update(file.bytes).digest('hex').slice(0, 16)}"`;
    if (headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
    this.#send(file, etag, headers, response);
  }
  #send(file: Published, etag: string, asked: IncomingMessage['headers'], response: ServerResponse): void {
    const from = /^bytes=(\d+)-$/.exec(asked.range ?? '')?.[1];
    const isPart = from !== undefined && asked['if-range'] === etag && !file.isWholeOnly;
    const start = isPart ? Number(from) : 0;
    const part = file.bytes.subarray(start);
    response.writeHead(isPart ? 206 : (file.status ?? 200), {
      etag,
      'content-length': part.length,
      ...(isPart ? { 'content-range': `bytes ${start}-${file.bytes.length - 1}/${file.bytes.length}` } : {}),
      ...file.headers,
    });
    const cut = file.cuts?.shift();
    if (cut === undefined) return void response.end(part);
    response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
  }
}

/** A proxy for CONNECT; with a login where one is given. */
export class ReplayProxy {
  readonly tunnels: string[] = [];
  readonly #server = createServer((_, response) => void response.writeHead(405).end());
  readonly #sockets = new Set<Socket>();
  constructor(login?: string) {
    this.#server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
      const wanted = login && `Basic ${Buffer.from(login).toString('base64')}`;
      if (wanted && request.headers['proxy-authorization'] !== wanted)
        return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
      this.tunnels.push(request.url!);
      const [host, port] = request.url!.split(':');
      const server = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        server.write(head);
        server.pipe(client).pipe(server);
      });
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
      }
    });
  }
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
