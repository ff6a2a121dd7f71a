import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { AppError } from '../../model/errors/index.ts';
import { Patience } from './patience.ts';

export interface Answer {
  code: number;
  /** what the script printed, errors included */
  text: string;
}

/** A shell on the other side that stays open: a request costs one round trip and no new process of the login. */
export interface Shell {
  ask(script: string): Promise<Answer>;
  close(): void;
}

const LIMIT = 96 * 1024 * 1024;

/** Requests may be sent before earlier ones are answered; the shell does them in order, so answers come in order. */
export function openShell(channel: ClientChannel, host: string, onEnd: () => void, patienceMs: number): Shell {
  const mark = randomBytes(12).toString('hex');
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  let chunks: Buffer[] = [];
  let size = 0;
  let closed = false;
  const lost = (): AppError => new AppError('HOST_CONNECTION_LOST', { host, doing: 'asking its shell' });
  const end = (): void => {
    if (closed) return;
    closed = true;
    for (const one of waiting.splice(0)) one.reject(lost());
    onEnd();
  };
  const patience = new Patience(patienceMs, () => {
    end();
    channel.close();
  });
  channel.on('close', end);
  channel.stderr.resume();
  channel
    .on('data', (chunk: Buffer) => {
      patience.heard();
      chunks.push(chunk);
      size += chunk.length;
      if (size > LIMIT) {
        channel.close();
        return end();
      }
      // An end mark may be cut in two: the last bytes before are looked at again.
      if (!Buffer.concat(chunks.slice(-2)).includes(mark)) return;
      const rest = answerAll(Buffer.concat(chunks), mark, waiting);
      chunks = [rest];
      size = rest.length;
    })
    .resume();
  return {
    ask: (script) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(lost());
        const giveUp = (): void => reject(new AppError('HOST_NO_ANSWER', { host, seconds: patienceMs / 1000 }));
        const heard = patience.owe(giveUp);
        waiting.push({
          resolve: (answer) => {
            heard();
            resolve(answer);
          },
          reject: (error) => {
            heard();
            reject(error);
          },
        });
        // Scripts read nothing of our requests, and end in a line of their own with their exit code.
        channel.write(`{ ${script}\n} </dev/null 2>&1; printf '\\n${mark} %d\\n' $?\n`);
      }),
    close: () => {
      channel.end();
    },
  };
}

function answerAll(bytes: Buffer, mark: string, waiting: { resolve(answer: Answer): void }[]): Buffer {
  let rest = bytes;
  for (;;) {
    const at = rest.indexOf(`\n${mark} `);
    const end = at === -1 ? -1 : rest.indexOf('\n', at + 1);
    if (end === -1) return rest;
    const code = Number(rest.subarray(at + mark.length + 2, end).toString('latin1'));
    waiting.shift()?.resolve({ code, text: rest.subarray(0, at).toString('utf8') });
    rest = rest.subarray(end + 1);
  }
}
