import { createHash, sign, type KeyObject } from 'node:crypto';

/** RFC 6962 §2.1, word for word: slow and plainly right. For tests only. */
const hash = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

export function treeRoot(leaves: readonly string[]): Buffer {
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return hash(LEAF, Buffer.from(leaves[0]!));
  const k = split(leaves.length);
  return hash(NODE, treeRoot(leaves.slice(0, k)), treeRoot(leaves.slice(k)));
}

export function consistencyProof(size: number, leaves: readonly string[]): string[] {
  if (size === 0 || size >= leaves.length) return [];
  return subproof(size, leaves, true).map((node) => node.toString('hex'));
}

function subproof(m: number, leaves: readonly string[], whole: boolean): Buffer[] {
  if (m === leaves.length) return whole ? [] : [treeRoot(leaves)];
  const k = split(leaves.length);
  if (m <= k) return [...subproof(m, leaves.slice(0, k), whole), treeRoot(leaves.slice(k))];
  return [...subproof(m - k, leaves.slice(k), false), treeRoot(leaves.slice(0, k))];
}

/** C2SP signed note and its verifier key line. */
export function note(body: string, name: string, key: KeyObject, raw: Uint8Array): { text: string; keyLine: string } {
  const typed = Buffer.concat([Buffer.from([1]), raw]);
  const id = hash(Buffer.from(`${name}\n`), typed).subarray(0, 4);
  const made = Buffer.concat([id, sign(null, Buffer.from(body), key)]).toString('base64');
  return {
    text: `${body}\n\u2014 ${name} ${made}\n`,
    keyLine: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
  };
}
