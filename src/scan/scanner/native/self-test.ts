import { AF_INET, type Libc, SOCK_FLAGS, SOCK_STREAM, SOCKADDR_BYTES } from './libc.ts';
import { Answers, ANSWER_WORDS, OPEN, REFUSED } from './messages.ts';
import type { Trier } from './trier.ts';

const LOOPBACK = 0x7f000001;
const ENOUGH_MS = 1000;

/**
 * Not every kernel that says it is Linux lets a socket be used again, and not every firewall lets single packets pass.
 * So, before the first scan, on our own loopback: a port that refuses, twice, and the same one when it listens.
 */
export function selfTest(libc: Libc, newTrier: (answers: Answers) => Trier): void {
  const answers = new Answers();
  const trier = newTrier(answers);
  const here = libc.block(SOCKADDR_BYTES * 2);
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_FLAGS, 0);
  try {
    const port = bindSomewhere(libc, fd, here);
    const ask = (): number => {
      trier.begin(Uint32Array.of(1, ENOUGH_MS, port, 4, LOOPBACK, 0, 0, 0), 0);
      for (let turn = 0; turn < 20 && trier.waiting > 0; turn++) trier.wait(50);
      return answers.take()?.[ANSWER_WORDS - 2] ?? -1;
    };
    const before = [ask(), ask()];
    const listening = libc.listen(fd, 16);
    const after = [ask(), ask()];
    if (listening !== 0 || before.some((v) => v !== REFUSED) || after.some((v) => v !== OPEN))
      throw new Error('on our own loopback it does not see what is open');
  } finally {
    if (fd >= 0) libc.close(fd);
    trier.close();
  }
}

function bindSomewhere(libc: Libc, fd: number, { at, view }: { at: number; view: DataView }): number {
  view.setUint16(0, AF_INET, true);
  view.setUint32(4, LOOPBACK);
  view.setUint32(SOCKADDR_BYTES, SOCKADDR_BYTES, true);
  const isBound = fd >= 0 && libc.bind(fd, at, 16) === 0 && libc.getsockname(fd, at, at + SOCKADDR_BYTES) === 0;
  if (!isBound) throw new Error(`there is no socket to be had (errno ${libc.errno()})`);
  return view.getUint16(2);
}
