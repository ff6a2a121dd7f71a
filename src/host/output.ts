/** Keeps the first `limit` bytes of a stream and counts the rest away, so that a chatty command cannot fill memory. */
export class Output {
  readonly #chunks: Buffer[] = [];
  #room: number;

  constructor(limit: number) {
    this.#room = limit;
  }

  add(chunk: Buffer): void {
    if (this.#room <= 0) return;
    const kept = chunk.subarray(0, this.#room);
    this.#room -= kept.length;
    this.#chunks.push(kept);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
