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
  const side = 2 ** half;
  const step = (value: number): number => {
    let left = Math.floor(value / side);
    let right = value % side;
    for (let round = 0; round < ROUNDS; round++) {
      [left, right] = [right, (left ^ (mix(right, seed + round * 0x9e3779b9) & (side - 1))) >>> 0];
    }
    return left * side + right;
  };
  return (index) => {
    let value = step(index);
    while (value >= size) value = step(value);
    return value;
  };
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(value: number, key: number): number {
  let h = (value ^ key) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
