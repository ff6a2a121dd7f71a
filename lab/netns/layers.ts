import type { Place } from './place.ts';
import type { HostSpec } from './spec.ts';

/** Placeholder until layers are made. */
export async function makeLayer(_p: Place, _s: HostSpec, _r: string, _say: () => void): Promise<string | null> {
  return null;
}
