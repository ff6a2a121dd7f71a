/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) in 32-bit halves: who does not know the key cannot guess the hash of
 * anything. For cookies of a few bytes, many thousand a second, for which an HMAC would take most of the time.
 */
export class SipHash {
  readonly #key: Uint32Array;
  /** v0 to v3, each its lower half first */
  readonly #state = new Uint32Array(8);

  /** `key`: 16 bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`a key of ${key.length} bytes`);
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.#key = Uint32Array.from([0, 4, 8, 12], (at) => view.getUint32(at, true));
  }

  /** The hash, its lower half first. */
  hash(message: Uint8Array): readonly [number, number] {
    const state = this.#state;
    this.#begin();
    const whole = message.length - (message.length % 8);
    for (let at = 0; at < whole; at += 8) this.#word(wordAt(message, at, 4), wordAt(message, at + 4, 4));
    const left = message.length - whole;
    const low = wordAt(message, whole, Math.min(4, left));
    const high = wordAt(message, whole + 4, Math.max(0, left - 4)) | (message.length << 24);
    this.#word(low, high);
    state[4]! ^= 0xff;
    for (let round = 0; round < 4; round++) sipRound(state);
    return [
      (state[0]! ^ state[2]! ^ state[4]! ^ state[6]!) >>> 0,
      (state[1]! ^ state[3]! ^ state[5]! ^ state[7]!) >>> 0,
    ];
  }

  #begin(): void {
    const [k0, k1, k2, k3] = this.#key as unknown as [number, number, number, number];
    this.#state.set([
      k0 ^ 0x70736575,
      k1 ^ 0x736f6d65,
      k2 ^ 0x6e646f6d,
      k3 ^ 0x646f7261,
      k0 ^ 0x6e657261,
      k1 ^ 0x6c796765,
      k2 ^ 0x79746573,
      k3 ^ 0x74656462,
    ]);
  }

  #word(low: number, high: number): void {
    const state = this.#state;
    state[6]! ^= low;
    state[7]! ^= high;
    sipRound(state);
    sipRound(state);
    state[0]! ^= low;
    state[1]! ^= high;
  }
}

function wordAt(bytes: Uint8Array, at: number, count: number): number {
  let word = 0;
  for (let byte = 0; byte < count; byte++) word |= bytes[at + byte]! << (8 * byte);
  return word;
}

function sipRound(v: Uint32Array): void {
  mix(v, 0, 2, 13);
  swap(v, 0);
  mix(v, 4, 6, 16);
  mix(v, 0, 6, 21);
  mix(v, 4, 2, 17);
  swap(v, 4);
}

/** a += b; b = rotl(b, bits) ^ a */
function mix(v: Uint32Array, a: number, b: number, bits: number): void {
  const [low, high] = [v[b]!, v[b + 1]!];
  const sum = v[a]! + low;
  v[a] = sum;
  v[a + 1] = v[a + 1]! + high + (sum > 0xffffffff ? 1 : 0);
  v[b] = ((low << bits) | (high >>> (32 - bits))) ^ v[a]!;
  v[b + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[a + 1]!;
}

/** rotl(a, 32) */
function swap(v: Uint32Array, a: number): void {
  const low = v[a]!;
  v[a] = v[a + 1]!;
  v[a + 1] = low;
}
