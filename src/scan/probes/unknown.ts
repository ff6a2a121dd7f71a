import type { Probe } from './contract.ts';
import { stopped } from './service-result.ts';

/** Enough for a signature, too little to keep anything private that a server may blurt out. */
const KEPT_BYTES = 64;
/** Of an answer to an opening of ours, in which the telling part comes later (headers of HTTP). */
const KEPT_OF_ANSWER = 256;

/** Keeps the first bytes, so that a probe written later can be tried on what was seen before. */
export const unknownProbe: Probe = {
  protocol: 'unknown',
  recognises: () => true,
  probe: async (target) => {
    const { greeting, heard } = target;
    if (/^421[ -]/.test(heard.greeting.toString('latin1'))) throw stopped(target, 'unknown', 'it is busy and says so');
    const answers = [...heard.answers]
      .filter(([, { bytes }]) => bytes.length > 0)
      .map(([to, { bytes }]) => ({ to, hex: bytes.subarray(0, KEPT_OF_ANSWER).toString('hex') }));
    const banner = greeting.subarray(0, KEPT_BYTES).toString('hex');
    const hungUp = heard.hungUp && heard.greeting.length > 0 ? { hungUp: true as const } : {};
    return { protocol: 'unknown', banner, ...hungUp, ...(answers.length > 0 ? { answers } : {}) };
  },
};
