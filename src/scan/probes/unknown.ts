import type { Probe } from './contract.ts';

/** Enough for a signature, too little to keep anything private that a server may blurt out. */
const KEPT_BYTES = 64;

/** Keeps the first bytes, so that a probe written later can be tried on what was seen before. */
export const unknownProbe: Probe = {
  protocol: 'unknown',
  recognises: () => true,
  probe: async (target) => ({
    protocol: 'unknown',
    banner: target.greeting.subarray(0, KEPT_BYTES).toString('hex'),
  }),
};
