/** How the thread tries ports. `words` are knocks as `messages.ts` says; answers go where its maker said. */
export interface Trier {
  /** how many may wait at once */
  readonly width: number;
  readonly waiting: number;
  readonly room: number;
  begin(words: Uint32Array, at: number): void;
  wait(ms: number): void;
  drop(tokens: Iterable<number>): void;
  close(): void;
}
