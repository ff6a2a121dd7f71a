import * as z from 'zod';
import { Endpoint } from '../../../model/estate.ts';
import { Facts } from '../../../model/facts.ts';
import { Verdict } from '../../../model/finding.ts';
import { Instant } from '../../../model/json.ts';
import { Identities } from '../logic/identities.ts';

/** Where the recorded cases of a kit lie, within its fixtures. */
export const RECORDED = 'recorded/';

/** What a real machine was when it was looked at. It stands by itself: nothing of `base.yaml` is put beneath it. */
export const RecordedCase = z
  .object({
    from: z
      .object({
        /** as the machine calls its release */
        system: z.string(),
        host: z.string(),
        /** what was tried on it */
        trial: z.string(),
        /** before anything was put right, or after */
        state: z.enum(['made bad', 'put right']),
        date: z.iso.date(),
      })
      .strict(),
    expect: Verdict,
    component: z.string(),
    /** that it is about has a finding which is open */
    open: z.string().optional(),
    /** when it is judged, where that is not the time of all fixtures */
    now: Instant.optional(),
    facts: Facts.partial().strict().optional(),
    endpoint: Endpoint.optional(),
    identities: Identities.optional(),
  })
  .strict();
export type RecordedCase = z.infer<typeof RecordedCase>;

export const RecordedCases = z.object({ cases: z.array(RecordedCase).min(1).max(200) }).strict();
