/**
 * `node main.ts` with one JSON line of settings: the lab's package mirror. It runs in the machine's network, where the
 * archives are, and serves on a socket that was made in the lab's namespace, where the hosts are.
 */
import { fork } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { Store, type Upstreams } from './store.ts';

export interface MirrorSettings {
  namespace: string;
  address: string;
  port: number;
  directory: string;
  upstreams: Upstreams;
}

const settings = JSON.parse(process.argv[2]!) as MirrorSettings;
const store = new Store(settings.directory, settings.upstreams);

function openDoor(): Promise<Server> {
  const door = fork(join(import.meta.dirname, 'door.ts'), [settings.address, String(settings.port)], {
    execPath: 'nsenter',
    execArgv: [`--net=${settings.namespace}`, process.execPath],
  });
  return new Promise((resolve, reject) => {
    door.on('message', (_message, handle) => {
      door.disconnect();
      resolve(handle as Server);
    });
    door.on('error', reject).on('exit', (code) => reject(new Error(`nobody listens: ${code}`)));
  });
}

async function reply(method: string, url: string, response: ServerResponse): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405).end();
  const got = await store.get(decodeURI(url));
  if ('status' in got) {
    process.stdout.write(`${got.status} ${url} ${got.why}\n`);
    return void response.writeHead(got.status, { 'content-type': 'text/plain' }).end(`${got.why}\n`);
  }
  response.writeHead(200, { 'content-length': statSync(got.file).size });
  if (method === 'HEAD') return void response.end();
  createReadStream(got.file)
    .on('error', () => response.destroy())
    .pipe(response);
}

const server = createServer((request, response) => {
  reply(request.method ?? '', request.url ?? '', response).catch((error: Error) => {
    process.stdout.write(`${request.url}: ${error.message}\n`);
    response.destroy();
  });
});
server.listen(await openDoor(), () => process.stdout.write('ready\n'));
