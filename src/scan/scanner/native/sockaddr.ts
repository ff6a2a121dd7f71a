import { AF_INET, AF_INET6 } from './libc.ts';

const BYTES_4 = 16;
const BYTES_6 = 28;

export const sockaddrLength = (family: number): number => (family === AF_INET ? BYTES_4 : BYTES_6);

/** Writes the address of one knock (see `messages.ts`) as the kernel wants it: family in its order, the rest big-endian. */
export function writeSockaddr(view: DataView, at: number, words: Uint32Array, knock: number): void {
  const port = words[knock + 2]!;
  view.setUint16(at + 2, port);
  if (words[knock + 3] === 4) {
    view.setUint16(at, AF_INET, true);
    view.setUint32(at + 4, words[knock + 4]!);
    return;
  }
  view.setUint16(at, AF_INET6, true);
  view.setUint32(at + 4, 0);
  for (let word = 0; word < 4; word++) view.setUint32(at + 8 + 4 * word, words[knock + 4 + word]!);
  view.setUint32(at + 24, 0);
}
