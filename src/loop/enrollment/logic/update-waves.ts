/** One host's part of an update. */
export interface Part {
  wave: number;
  /** `away`: it was offered the program and has not asked since, so it holds up nobody; it gets it when it comes */
  state: 'waiting' | 'offered' | 'away' | 'done' | 'failed' | 'superseded';
}

/** One host first, then `size` at a time: what is wrong with a program shows on one. */
export const waveOf = (index: number, size: number): number => (index === 0 ? 0 : 1 + Math.floor((index - 1) / size));

export type Next<P extends Part = Part> =
  | { kind: 'wait' }
  | { kind: 'offer'; parts: P[] }
  | { kind: 'done' }
  | { kind: 'stop' };

/**
 * What comes next: a wave only when nothing of those before it is under way, and nothing more once one failed. As long as
 * the program has not proven itself anywhere, one host at a time: a first one that is off proves nothing.
 */
export function nextOf<P extends Part>(parts: readonly P[]): Next<P> {
  const having = (state: Part['state']): P[] => parts.filter((part) => part.state === state);
  if (having('failed').length > 0) return { kind: 'stop' };
  if (having('offered').length > 0) return { kind: 'wait' };
  const waiting = having('waiting');
  const wave = waiting.reduce((lowest, part) => Math.min(lowest, part.wave), Infinity);
  const next = waiting.filter((part) => part.wave === wave);
  if (next.length > 0) return { kind: 'offer', parts: having('done').length === 0 ? [next[0]!] : next };
  // All are away: whoever comes first proves it.
  return having('done').length === 0 && having('away').length > 0 ? { kind: 'wait' } : { kind: 'done' };
}

/** One that was away asks again: may it have the program now? Of what nobody has proven yet, one host at a time has it. */
export const mayHaveNow = (counts: { done: number; offered: number }): boolean =>
  counts.done > 0 || counts.offered === 0;
