/** "somepseudorandomlygeneratedbytes", as the paper has it, each word its lower half first */
const START = [0x70736575, 0x736f6d65, 0x6e646f6d, 0x646f7261, 0x6e657261, 0x6c796765, 0x79746573, 0x74656462];

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) in 32-bit halves: who does not know the key cannot guess the hash of
 * anything. For cookies of a few bytes, many thousand a second, for which an HMAC would take most of the time.
 */
export class SipHash {
  /** what the state begins with */
  readonly #first: Int32Array;
  /** v0 to v3, each its lower half first */
  readonly #state = new Int32Array(8);

  /** `key`: 16 bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`a key of ${key.length} bytes`);
    const view = new DataView(key.buffer, key.byteOffset, 16);
    const at = [0, 4, 8, 12, 0, 4, 8, 12];
    this.#first = Int32Array.from(START, (word, half) => word ^ view.getUint32(at[half]!, true));
  }

  /** The lower half of the hash of three words, each of four bytes with the lowest first. */
  hashWords(first: number, second: number, third: number): number {
    const state = this.#state;
    state.set(this.#first);
    this.#word(first, second);
    this.#word(third, 12 << 24);
    return this.#lower();
  }

  /** The hash, its lower half first. */
  hash(message: Uint8Array): readonly [number, number] {
    const state = this.#state;
    state.set(this.#first);
    const whole = message.length - (message.length % 8);
    for (let at = 0; at < whole; at += 8) this.#word(wordAt(message, at, 4), wordAt(message, at + 4, 4));
    const left = message.length - whole;
    const low = wordAt(message, whole, Math.min(4, left));
    const high = wordAt(message, whole + 4, Math.max(0, left - 4)) | (message.length << 24);
    this.#word(low, high);
    return [this.#lower(), (state[1]! ^ state[3]! ^ state[5]! ^ state[7]!) >>> 0];
  }

  #lower(): number {
    const state = this.#state;
    state[4]! ^= 0xff;
    sipRounds(state, 4);
    return (state[0]! ^ state[2]! ^ state[4]! ^ state[6]!) >>> 0;
  }

  #word(low: number, high: number): void {
    const state = this.#state;
    state[6]! ^= low;
    state[7]! ^= high;
    sipRounds(state, 2);
    state[0]! ^= low;
    state[1]! ^= high;
  }
}

function wordAt(bytes: Uint8Array, at: number, count: number): number {
  let word = 0;
  for (let byte = 0; byte < count; byte++) word |= bytes[at + byte]! << (8 * byte);
  return word;
}

/**
 * Rounds over v0 to v3 as the paper draws them; small letters are the lower halves. In variables, since a scan does this for
 * each packet, and as signed numbers, which the engine keeps in registers.
 */
function sipRounds(v: Int32Array, count: number): void {
  let a = v[0]!;
  let A = v[1]!;
  let b = v[2]!;
  let B = v[3]!;
  let c = v[4]!;
  let C = v[5]!;
  let d = v[6]!;
  let D = v[7]!;
  for (let round = 0; round < count; round++) {
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    let low = (a + b) | 0;
    let high = (A + B + carry(low, a)) | 0;
    let old = b;
    b = ((b << 13) | (B >>> 19)) ^ low;
    B = ((B << 13) | (old >>> 19)) ^ high;
    a = high;
    A = low;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    low = (c + d) | 0;
    C = (C + D + carry(low, c)) | 0;
    c = low;
    old = d;
    d = ((d << 16) | (D >>> 16)) ^ c;
    D = ((D << 16) | (old >>> 16)) ^ C;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    low = (a + d) | 0;
    A = (A + D + carry(low, a)) | 0;
    a = low;
    old = d;
    d = ((d << 21) | (D >>> 11)) ^ a;
    D = ((D << 21) | (old >>> 11)) ^ A;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    low = (c + b) | 0;
    high = (C + B + carry(low, c)) | 0;
    old = b;
    b = ((b << 17) | (B >>> 15)) ^ low;
    B = ((B << 17) | (old >>> 15)) ^ high;
    c = high;
    C = low;
  }
  v[0] = a;
  v[1] = A;
  v[2] = b;
  v[3] = B;
  v[4] = c;
  v[5] = C;
  v[6] = d;
  v[7] = D;
}

/** Whether a sum of two unsigned numbers, of which one is `part`, went over. */
const carry = (sum: number, part: number): number => (sum >>> 0 < part >>> 0 ? 1 : 0);
