import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readFeed, type ReadFeed, type SignalRow, type StatementRow, type ToRead } from './read.ts';
import type { FromReader } from './reader-process.ts';
import { isPacked } from './unpack.ts';

/** What reading one feed may take. */
export const READING = { memoryMb: 2048, timeoutMs: 10 * 60_000 };
export type Reading = typeof READING;

/** Smaller ones are read here, in some milliseconds; a process takes longer to start. Packed ones may unpack to anything. */
const READ_HERE = 256 * 1024;
const PROGRAM = fileURLToPath(new URL('./reader-process.ts', import.meta.url));

let last: Promise<unknown> = Promise.resolve();

/**
 * Reads a feed in a process of its own, one at a time. The event loop goes on meanwhile, and a file that takes all the
 * memory ends that process alone. Throws an Error in plain words.
 */
export async function readApart(
  asked: ToRead,
  bytes: Uint8Array,
  stopping: AbortSignal,
  reading: Reading = READING,
): Promise<ReadFeed> {
  if (bytes.length <= READ_HERE && !isPacked(bytes)) return readFeed(asked, bytes);
  const mine = last.then(() => inProcess(asked, bytes, stopping, reading));
  last = mine.catch(() => undefined);
  return mine;
}

async function inProcess(asked: ToRead, bytes: Uint8Array, stopping: AbortSignal, reading: Reading): Promise<ReadFeed> {
  stopping.throwIfAborted();
  const child = fork(PROGRAM, [], {
    // A reader of what strangers publish has no business with the server's settings.
    env: {},
    execArgv: [`--max-old-space-size=${reading.memoryMb}`],
    serialization: 'advanced',
    stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
  });
  const overtime = AbortSignal.timeout(reading.timeoutMs);
  const kill = (): void => void child.kill('SIGKILL');
  for (const signal of [overtime, stopping]) signal.addEventListener('abort', kill, { once: true });
  try {
    return await outcome(
      child,
      () => ended(child, reading, { overtime, stopping }),
      () => {
        child.send(asked);
        // A process that ends early does not read the rest; how it ended says why.
        child.stdin!.on('error', () => undefined).end(bytes);
      },
    );
  } finally {
    for (const signal of [overtime, stopping]) signal.removeEventListener('abort', kill);
  }
}

function outcome(child: ChildProcess, why: () => string, begin: () => void): Promise<ReadFeed> {
  const statements: StatementRow[] = [];
  const signals: SignalRow[] = [];
  return new Promise((resolve, reject) => {
    child.on('message', (message: FromReader) => {
      if (message.kind === 'statements') for (const row of message.rows) statements.push(row);
      else if (message.kind === 'signals') for (const row of message.rows) signals.push(row);
      else if (message.kind === 'read') resolve({ ...message.rest, statements, signals });
      else reject(new Error(message.why));
    });
    child.once('error', (error) => reject(new Error(`the process that reads it did not start (${error.message})`)));
    child.once('close', () => reject(new Error(why())));
    begin();
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
