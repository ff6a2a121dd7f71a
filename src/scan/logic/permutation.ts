/** As many items as two 24-bit halves can number. */
export const LARGEST = 2 ** 48;

const ROUNDS = 4;

/**
 * A random-looking order of 0 … size-1 that costs no memory: a Feistel network over the next even number of bits,
 * walked until it lands inside (at most four steps on average). Same size and seed, same order: a scan can resume.
 */
export function permutation(size: number, seed: number): (index: number) => number {
  if (!Number.isInteger(size) || size < 1 || size > LARGEST) throw new RangeError(`permutation of ${size}`);
  const half = Math.max(1, Math.ceil(Math.ceil(Math.log2(size)) / 2));
  const keys = Int32Array.from({ length: ROUNDS }, (_, round) => (seed + round * 0x9e3779b9) | 0);
  const step = half <= 16 ? stepOf32(half, keys) : stepOf48(half, keys);
  return (index) => {
    let value = step(index);
    while (value >= size) value = step(value);
    return value;
  };
}

type Step = (value: number) => number;

/** In whole numbers of the machine: a scan takes a few steps for each pair. */
function stepOf32(half: number, keys: Int32Array): Step {
  const mask = 2 ** half - 1;
  return (value) => {
    let left = value >>> half;
    let right = value & mask;
    for (let round = 0; round < ROUNDS; round++) {
      const next = left ^ (mix(right, keys[round]!) & mask);
      left = right;
      right = next;
    }
    return ((left << half) | right) >>> 0;
  };
}

function stepOf48(half: number, keys: Int32Array): Step {
  const side = 2 ** half;
  return (value) => {
    let left = Math.floor(value / side);
    let right = value % side;
    for (let round = 0; round < ROUNDS; round++)
      [left, right] = [right, (left ^ (mix(right, keys[round]!) & (side - 1))) >>> 0];
    return left * side + right;
  };
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(value: number, key: number): number {
  let h = (value ^ key) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
