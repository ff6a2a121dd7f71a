import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { BUS } from './machine.ts';
import type { Reply } from './systemctl.ts';

const REQUEST_LIMIT = 65_536;
/** between the words of a request; the first two are the number of the process that asks and the command's name */
const SEPARATOR = '\x1f';

/**
 * How `commands/supervisor.sh` reaches the supervisor: one line into a common FIFO; what it should print comes in files
 * and its exit code, last, in a FIFO of its own. A shell can do all of that, where a socket would take a program that
 * is twenty times slower to start. The working directory must be the host's root.
 */
export function listenControl(answer: (command: string, argv: string[]) => Promise<Reply>): void {
  mkdirSync(BUS, { recursive: true, mode: 0o700 });
  const fifo = `${BUS}/requests`;
  rmSync(fifo, { force: true });
  execFileSync('mkfifo', ['-m', '600', fifo]);
  // For reading and writing, so that it never ends when the last one who asks has gone.
  const requests = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK), readable: true });
  let text = '';
  requests.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop()!.slice(0, REQUEST_LIMIT);
    for (const line of lines) void serve(line, answer);
  });
  // The last thing: who finds this file finds somebody listening.
  writeFileSync(`${BUS}/pid`, `${process.pid}\n`);
}

async function serve(line: string, answer: (command: string, argv: string[]) => Promise<Reply>): Promise<void> {
  const [asker = '', command = '', ...words] = line.split(SEPARATOR);
  if (!/^\d+$/.test(asker)) return;
  const argv = words.slice(0, -1);
  const { code, stdout, stderr } = await answer(command, argv).catch((error: Error): Reply => ({
    code: 1,
    stdout: '',
    stderr: `${error.message}\n`,
  }));
  const reply = `${BUS}/reply.${asker}`;
  try {
    if (stdout) writeFileSync(`${reply}.out`, stdout);
    if (stderr) writeFileSync(`${reply}.err`, stderr);
    const fd = openSync(reply, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(fd, `${code}\n`);
    closeSync(fd);
  } catch {
    // Whoever asked has gone.
    for (const path of [reply, `${reply}.out`, `${reply}.err`]) rmSync(path, { force: true });
  }
}
