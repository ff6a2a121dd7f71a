/** Runs of digits of any length as numbers: without leading zeros the longer one is larger. Negative: a is smaller. */
export function compareDigits(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  if (left.length !== right.length) return left.length < right.length ? -1 : 1;
  return compareText(left, right);
}

/** By code units, as `<` has it. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
