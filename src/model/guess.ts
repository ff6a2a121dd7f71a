import * as z from 'zod';

export const DeviceClass = z.enum([
  'server',
  'workstation',
  'printer',
  'network device',
  'storage',
  'hypervisor',
  'management controller',
  'camera',
  'phone',
  'single-board computer',
]);
export type DeviceClass = z.infer<typeof DeviceClass>;

/** One piece of evidence for what a machine is. `weight`: how often it is right where it is seen, by our estimate, 0…1. */
export const GuessReason = z.object({
  about: z.enum(['class', 'system']),
  value: z.string(),
  weight: z.number().min(0).max(1),
  why: z.string(),
});
export type GuessReason = z.infer<typeof GuessReason>;

export const Guessed = z.object({ value: z.string(), confidence: z.number().min(0).max(1) });
export type Guessed = z.infer<typeof Guessed>;

/** What a machine is, from outside (row 1.2). Confidence 1: the machine itself was read. */
export const DeviceGuess = z.object({
  class: Guessed.nullable(),
  system: Guessed.nullable(),
  /** the heaviest first */
  reasons: z.array(GuessReason),
});
export type DeviceGuess = z.infer<typeof DeviceGuess>;

const inWords = ({ value, confidence }: Guessed): string =>
  confidence === 1 ? value : `${value} (${confidence.toFixed(2)})`;

/** "Debian 12 (0.90), server (0.75)"; null: nothing is known. */
export const guessInWords = ({ class: kind, system }: Pick<DeviceGuess, 'class' | 'system'>): string | null =>
  [system, kind].flatMap((one) => (one ? [inWords(one)] : [])).join(', ') || null;

/** "server 0.75: it serves SSH". */
export const reasonInWords = ({ value, weight, why }: GuessReason): string => `${value} ${weight.toFixed(2)}: ${why}`;
