import * as z from 'zod';
import { Claim, Transport } from './estate.ts';
import { Instant } from './json.ts';

/** What happened to a host, or to what it serves. */
export const MomentKind = z.enum([
  'appeared',
  'replaced',
  'cloned',
  'moved',
  'left',
  'merged',
  'split',
  'offline',
  'back',
  'port-opened',
  'port-closed',
  'port-back',
]);
export type MomentKind = z.infer<typeof MomentKind>;

export const MOMENT_WORDS: Record<MomentKind, string> = {
  appeared: 'appeared',
  replaced: 'took the place of another machine',
  cloned: 'shows the identity of another machine',
  moved: 'moved',
  left: 'left an address',
  merged: 'is one with another record',
  split: 'was taken apart again',
  offline: 'went offline',
  back: 'came back',
  'port-opened': 'serves something new',
  'port-closed': 'serves it no more',
  'port-back': 'serves it again',
};

export const Moment = z.object({
  at: Instant,
  kind: MomentKind,
  host: z.object({ id: z.string(), name: z.string(), claim: Claim }),
  address: z.string().nullable(),
  port: z.number().int().nullable(),
  /** of the port; null: not of one, or not noted at that time */
  transport: Transport.nullable(),
  service: z.string().nullable(),
  /** why we think so, where that was a decision */
  why: z.string().nullable(),
});
export type Moment = z.infer<typeof Moment>;

export const Timeline = z.object({
  /** newest first */
  items: z.array(Moment),
  /** all of them by UTC day, newest first, however many items are shown */
  days: z.array(z.object({ day: z.iso.date(), counts: z.partialRecord(MomentKind, z.number().int()) })),
  /** what to ask for as `before` for the next ones; null: these are all */
  next: z.string().nullable(),
});
export type Timeline = z.infer<typeof Timeline>;
