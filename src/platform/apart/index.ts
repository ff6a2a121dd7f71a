import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromReader } from './child.ts';

/** What reading one file may take. */
export interface Reading {
  memoryMb: number;
  timeoutMs: number;
}

export interface ToReadApart<Asked> {
  asked: Asked;
  bytes: Uint8Array;
  stopping: AbortSignal;
  reading: Reading;
}

/** What a reader made of a file: pieces in the order in which they were told, and the rest. */
export interface ReadApart<Piece, Rest> {
  pieces: Piece[];
  rest: Rest;
}

/**
 * A program that reads what strangers wrote, in a process of its own for each file, one at a time. The event loop goes
 * on meanwhile, and a file that takes all the memory ends that process alone. Throws an Error in plain words.
 */
export function readerApart<Asked, Piece, Rest>(
  program: URL,
): (file: ToReadApart<Asked>) => Promise<ReadApart<Piece, Rest>> {
  let last: Promise<unknown> = Promise.resolve();
  return (file) => {
    const mine = last.then(() => inProcess<Asked, Piece, Rest>(fileURLToPath(program), file));
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function inProcess<Asked, Piece, Rest>(
  program: string,
  { asked, bytes, stopping, reading }: ToReadApart<Asked>,
): Promise<ReadApart<Piece, Rest>> {
  stopping.throwIfAborted();
  const child = fork(program, [], {
    // A reader of what strangers wrote has no business with the server's settings.
    env: {},
    execArgv: [`--max-old-space-size=${reading.memoryMb}`],
    serialization: 'advanced',
    stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
  });
  const overtime = AbortSignal.timeout(reading.timeoutMs);
  const kill = (): void => void child.kill('SIGKILL');
  for (const signal of [overtime, stopping]) signal.addEventListener('abort', kill, { once: true });
  try {
    return await outcome<Piece, Rest>(
      child,
      () => ended(child, reading, { overtime, stopping }),
      () => {
        // A process that ends early does not read it, or the rest; how it ended says why.
        child.send(asked as object, () => undefined);
        child.stdin!.on('error', () => undefined).end(bytes);
      },
    );
  } finally {
    for (const signal of [overtime, stopping]) signal.removeEventListener('abort', kill);
  }
}

function outcome<Piece, Rest>(
  child: ChildProcess,
  why: () => string,
  begin: () => void,
): Promise<ReadApart<Piece, Rest>> {
  const pieces: Piece[] = [];
  return new Promise((resolve, reject) => {
    child.on('message', (message: FromReader<Piece, Rest>) => {
      if (message.kind === 'piece') pieces.push(message.piece);
      else if (message.kind === 'read') resolve({ pieces, rest: message.rest });
      else reject(new Error(message.why));
    });
    // Whoever hears only the first lets the next one end everything here.
    child.on('error', (error) => reject(new Error(`the process that reads it did not start (${error.message})`)));
    child.once('close', () => reject(new Error(why())));
    child.once('spawn', begin);
  });
}

function ended(
  { exitCode, signalCode }: ChildProcess,
  { memoryMb, timeoutMs }: Reading,
  { overtime, stopping }: { overtime: AbortSignal; stopping: AbortSignal },
): string {
  if (stopping.aborted) return 'the server stopped while it was read';
  if (overtime.aborted) return `reading it takes longer than ${Math.round(timeoutMs / 1000)} seconds`;
  // What Node does where the heap is full, and what the kernel does where the machine's memory is.
  if (signalCode === 'SIGABRT' || signalCode === 'SIGTRAP' || signalCode === 'SIGKILL')
    return `reading it takes more memory than there is for it (${memoryMb} MB)`;
  return `the process that reads it ended early (${signalCode ?? exitCode})`;
}
