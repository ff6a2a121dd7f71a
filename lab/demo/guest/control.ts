import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { CONTROL_SOCKET } from './machine.ts';
import type { Reply } from './systemctl.ts';

const REQUEST_LIMIT = 65_536;

/** The host's control socket: one JSON line in, one JSON line out. The working directory must be the host's root. */
export async function listenControl(answer: (argv: string[]) => Promise<Reply>): Promise<Server> {
  mkdirSync(dirname(CONTROL_SOCKET), { recursive: true, mode: 0o700 });
  rmSync(CONTROL_SOCKET, { force: true });
  const server = createServer((socket) => serve(socket, answer));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(CONTROL_SOCKET, resolve));
  return server;
}

function serve(socket: Socket, answer: (argv: string[]) => Promise<Reply>): void {
  let text = '';
  socket.on('error', () => {});
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.length > REQUEST_LIMIT) socket.destroy();
    const end = text.indexOf('\n');
    if (end < 0) return;
    const line = text.slice(0, end);
    text = '';
    void reply(line, answer).then((result) => socket.end(`${JSON.stringify(result)}\n`));
  });
}

async function reply(line: string, answer: (argv: string[]) => Promise<Reply>): Promise<Reply> {
  try {
    return await answer(JSON.parse(line) as string[]);
  } catch (error) {
    return { code: 1, stdout: '', stderr: `${(error as Error).message}\n` };
  }
}
