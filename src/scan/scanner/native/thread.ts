/** The thread that a fast connector runs in: the server's own event loop never waits for a scan. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { EpollTrier } from './epoll.ts';
import { type Libc, loadLibc } from './libc.ts';
import { Answers, type FromThread, type ToThread } from './messages.ts';
import { Queue } from './queue.ts';
import { selfTest } from './self-test.ts';
import { SynTrier } from './syn.ts';
import type { Trier } from './trier.ts';

/** More would not be answered sooner, and sockets cost the kernel some memory. */
const MOST_SOCKETS = 16_384;
/** On their way at once; an entry in a table each, and nothing in the kernel. */
const MOST_PACKETS = 131_072;
/** Begun in one turn, before answers are looked at. */
const A_TURN = 256;
/** How long to wait for answers at a time; what the guard sends meanwhile waits, too. */
const WAIT_MS = 2;
/** Answers are told so many at once, or after so long. */
const TOLD_TOGETHER = 512;
const TELL_MS = 5;

const { port, path } = workerData as { port: MessagePort; path: 'epoll' | 'syn' };
const say = (message: FromThread): void =>
  port.postMessage(message, message.kind === 'answers' ? [message.words.buffer] : []);

class Thread {
  readonly #trier: Trier;
  readonly #answers: Answers;
  readonly #ended: () => void;
  readonly #queue = new Queue();
  #told = 0;
  #isRunning = false;
  #isOver = false;

  constructor(trier: Trier, answers: Answers, ended: () => void) {
    this.#trier = trier;
    this.#answers = answers;
    this.#ended = ended;
  }

  hear(message: ToThread): void {
    if (message.kind === 'knocks') this.#queue.add(message.words, message.rate, performance.now());
    else if (message.kind === 'drop') {
      this.#queue.drop(message.tokens);
      this.#trier.drop(message.tokens);
    } else this.#isOver = true;
    if (!this.#isRunning) this.#run();
  }

  #run(): void {
    this.#isRunning = true;
    while (!this.#isOver && (this.#queue.waiting > 0 || this.#trier.waiting > 0)) {
      this.#turn();
      for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) this.hear(next.message);
    }
    this.#tell(performance.now());
    this.#isRunning = false;
    if (this.#isOver) this.#end();
  }

  #tell(now: number): void {
    this.#told = now;
    const words = this.#answers.take();
    if (words) say({ kind: 'answers', words });
  }

  #turn(): void {
    const before = this.#queue.waiting;
    const most = Math.min(A_TURN, this.#trier.room);
    this.#queue.take(most, performance.now(), (words, at) => this.#trier.begin(words, at));
    const isBusy = before - this.#queue.waiting === A_TURN;
    this.#trier.wait(isBusy ? 0 : WAIT_MS);
    const now = performance.now();
    const isOver = this.#trier.waiting + this.#queue.waiting === 0;
    if (!isOver && this.#answers.count < TOLD_TOGETHER && now - this.#told < TELL_MS) return;
    this.#tell(now);
  }

  #end(): void {
    this.#trier.close();
    this.#ended();
    port.close();
  }
}

type NewTrier = (answers: Answers, width?: number) => Trier;

function epollTrier(libc: Libc): NewTrier {
  const most = Math.max(64, Math.min(MOST_SOCKETS, Math.floor(libc.mostFiles() / 2)));
  return (answers, width = most) => new EpollTrier(libc, answers, width);
}

function synTrier(libc: Libc): NewTrier {
  const others = epollTrier(libc);
  return (answers, width = MOST_PACKETS) => new SynTrier(libc, answers, width, others(answers));
}

let libc: Libc | undefined;
try {
  libc = await loadLibc();
  const own = libc;
  const newTrier = path === 'syn' ? synTrier(own) : epollTrier(own);
  selfTest(own, (answers) => newTrier(answers, 1));
  const answers = new Answers();
  const trier = newTrier(answers);
  const thread = new Thread(trier, answers, () => own.freeAll());
  port.on('message', (message: ToThread) => thread.hear(message));
  say({ kind: 'ready', width: trier.width });
} catch (error) {
  libc?.freeAll();
  say({ kind: 'unable', why: error instanceof Error ? error.message : String(error) });
  await nextTurn();
  port.close();
}
