import type { ScanPath } from '../../model/estate.ts';

/**
 * How a guard tries ports. A connector has no opinion: it tries what it is given, at once, and says what came of it.
 * What may be tried, and how much a second, is the guard's business; only a guard calls `SEND` and `DROP`, and a test
 * looks for others that do.
 */
export interface Connector {
  readonly path: ScanPath;
  /** why this path and no faster one, for people */
  readonly why: string;
  /** how many may wait for an answer at once */
  readonly width: number;
  /** `rate`: knocks a second that the guard lets through; a connector that fell behind must not catch up faster. */
  [SEND](knocks: readonly Knock[], how: Sending, rate: number): void;
  /** Ends what waits at addresses that are not allowed any more; each is answered with `denied`. */
  [DROP](allows: (address: string) => boolean): void;
  close(): Promise<void>;
}

export const SEND = Symbol('send');
export const DROP = Symbol('drop');

export interface Knock {
  /** the caller's number for it, below 2^48; the answer has it again */
  id: number;
  address: string;
  port: number;
  /** ms until no answer is taken for silence */
  timeoutMs: number;
}

/**
 * `unreachable`: somebody said that there is no way. `ours`: our own machine ran out of something, which says nothing
 * about the target. `denied`: not allowed, so nothing was sent, or what was begun was ended.
 */
export type Verdict = 'open' | 'refused' | 'silent' | 'unreachable' | 'ours' | 'denied';

export interface Answer {
  id: number;
  verdict: Verdict;
  /** how long it took */
  ms: number;
}

export interface Sending {
  /** Each knock is answered once, in any order; after an abort none has to be. */
  answered(answers: readonly Answer[]): void;
  signal: AbortSignal;
}

/** Our own machine ran out of something: says nothing about the target, so try again a little later. */
export const OURS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'EAGAIN']);
