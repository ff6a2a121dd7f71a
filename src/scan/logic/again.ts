import type { ProbeResult } from '../../model/probe.ts';
import { isSilence, leftOpen } from './describe.ts';
import { SILENT_PORTS } from './traps.ts';

/** Looks that run at once. */
export const LOOKS_AT_ONCE = 24;
/** Short looks that run at once: each waits for a moment, and most for nothing. */
export const GLANCES_AT_ONCE = 256;
/** Looks that fell short are taken again by fewer at once: a server that was slow in the crowd may answer alone. */
const FEW_AT_ONCE = 4;
/** With so many it is no longer the crowd, and slow is too slow. */
const FEW = 48;

/** A look, as far as it matters here. */
export interface Looked {
  address: string;
  result: ProbeResult | null;
}

/** Which looks (by place) are worth a second one: what could not be read in full, but not the silence of a firewall. */
/** More silent ports than that at one address are a firewall or a trap, and are not asked again. */
export function worthAgain(looks: readonly Looked[]): number[] {
  const silent = Map.groupBy(
    looks.filter(({ result }) => result !== null && isSilence(result)),
    ({ address }) => address,
  );
  const isTrap = ({ address }: Looked): boolean => (silent.get(address)?.length ?? 0) > SILENT_PORTS;
  return looks.flatMap((look, index) => {
    if (look.result === null) return [index];
    if (isSilence(look.result)) return isTrap(look) ? [] : [index];
    return leftOpen(look.result) === null ? [] : [index];
  });
}

/** How many of the second looks run at once. */
export const againAtOnce = (count: number): number => (count > FEW ? LOOKS_AT_ONCE : FEW_AT_ONCE);

/** Cut into portions of at least `size` (the last may be smaller), with all that is of one address together. */
export function portionsOf<T extends { address: string }>(sorted: readonly T[], size: number): T[][] {
  const portions: T[][] = [];
  for (const one of sorted) {
    const last = portions.at(-1);
    if (last && (last.length < size || last.at(-1)!.address === one.address)) last.push(one);
    else portions.push([one]);
  }
  return portions;
}
