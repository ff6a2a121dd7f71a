/** One host's part of an update. */
export interface Part {
  wave: number;
  state: 'waiting' | 'offered' | 'done' | 'failed';
}

/** One host first, then `size` at a time: what is wrong with a program shows on one. */
export const waveOf = (index: number, size: number): number => (index === 0 ? 0 : 1 + Math.floor((index - 1) / size));

export type Next = { kind: 'wait' } | { kind: 'offer'; wave: number } | { kind: 'done' } | { kind: 'stop' };

/** What comes next: a wave only when all before it are done, and nothing more once one failed. */
export function nextOf(parts: readonly Part[]): Next {
  if (parts.some(({ state }) => state === 'failed')) return { kind: 'stop' };
  if (parts.some(({ state }) => state === 'offered')) return { kind: 'wait' };
  const waiting = parts.filter(({ state }) => state === 'waiting').map(({ wave }) => wave);
  return waiting.length === 0 ? { kind: 'done' } : { kind: 'offer', wave: Math.min(...waiting) };
}
