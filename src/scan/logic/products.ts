/** Which product greets so: the first that fits counts; what the first group holds is the version. */
export type Signature = readonly [product: string, pattern: RegExp];

export function productBy(signatures: readonly Signature[], said: string): { product?: string; version?: string } {
  for (const [product, pattern] of signatures) {
    const match = pattern.exec(said);
    if (match) return { product, ...(match[1] ? { version: match[1] } : {}) };
  }
  return {};
}
