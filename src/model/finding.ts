import * as z from 'zod';
import { Instant, Sha256 } from './json.ts';
import { Severity } from './kit.ts';

/**
 * `not-applicable`: closed without proof, because a policy takes the check from the host, or what the host is set to keeps
 * it from harm; never called fixed.
 */
export const FindingState = z.enum(['open', 'excepted', 'planned', 'fixed', 'rekindled', 'not-applicable']);
export type FindingState = z.infer<typeof FindingState>;
/** States that still burn. */
export const BURNING: readonly FindingState[] = ['open', 'planned', 'rekindled'];

/** One value that was another when the check still passed. */
export const DriftValue = z.object({
  component: z.string(),
  what: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
});
export type DriftValue = z.infer<typeof DriftValue>;

/** States that are over. */
export const CLOSED: readonly FindingState[] = ['fixed', 'not-applicable'];

/** What a check said about one subject at one time. `unknown` = could not be looked at; never green. */
export const Verdict = z.enum(['pass', 'fail', 'not-applicable', 'unknown']);
export type Verdict = z.infer<typeof Verdict>;

/**
 * One host or endpoint fails one check in one component.
 * Closed means proven: `fixed` is set only from fresh facts and, for a listener, a negative probe from outside.
 */
export const Finding = z.object({
  id: z.string(),
  hostId: z.string(),
  hostName: z.string(),
  endpointId: z.string().nullable(),
  /** address:port for endpoint findings */
  endpoint: z.string().nullable(),
  kit: z.string(),
  kitVersion: z.string(),
  check: z.string(),
  /** package name, listener unit … what within the host */
  component: z.string(),
  advisories: z.array(z.string()),
  severity: Severity,
  state: FindingState,
  /** 0…1: 1 proven by probe, 0.9 package range match, less when guessed */
  confidence: z.number(),
  title: z.string(),
  /** what was seen, readable: values, hashes of the facts sections used, PIDs and units that hold old files */
  evidence: z.record(z.string(), z.unknown()),
  /** why it is not closed although something improved, e.g. "fixed on disk, but PID 4711 (nginx.service) still maps the old file" */
  pending: z.string().nullable(),
  openedAt: Instant,
  lastSeenAt: Instant,
  closedAt: Instant.nullable(),
  /** why it was closed, where that was no proof */
  closeReason: z.string().nullable().optional(),
  rekindledAt: Instant.nullable(),
  rekindleCause: z.string().nullable(),
  exceptionId: z.string().nullable(),
  changeId: z.string().nullable(),
  /** by when it is to be gone, by the policies that hold; null: nobody set a time */
  dueAt: Instant.nullable().optional(),
  /** since when that time runs: it was opened, came back, or applies again */
  clockFrom: Instant.optional(),
});
export type Finding = z.infer<typeof Finding>;

/** A finding with what depends on the time and on how its host is now. */
export const FindingNow = Finding.extend({
  owner: z.string().nullable(),
  /** it still burns, and its time is over */
  overdue: z.boolean(),
  /** its host reports no longer: this is what was known last */
  stale: z.boolean(),
  /** the host had passed the check until then, with these values */
  drift: z.object({ at: Instant, values: z.array(DriftValue) }).nullable(),
  /** the kit has steps that put it right, be it on some hosts only; false: a person has to */
  remediable: z.boolean(),
  /** what a person does about it, where no step of the kit can, or not on every host */
  byHand: z.string().nullable(),
});
export type FindingNow = z.infer<typeof FindingNow>;

/** How many findings fit what is asked, and of which kinds. */
export const FindingCounts = z.object({
  total: z.number().int(),
  items: z.array(z.object({ kit: z.string(), state: FindingState, severity: Severity, findings: z.number().int() })),
});
export type FindingCounts = z.infer<typeof FindingCounts>;

/**
 * A key that was served (or lay) where a compromise kit found the hole: burnt. Every endpoint or file that holds the
 * same SPKI joins the campaign (key radar), whether or not it was itself vulnerable.
 */
export const Exposure = z.object({
  id: z.string(),
  kit: z.string(),
  hostId: z.string(),
  endpointId: z.string(),
  endpoint: z.string(),
  /** burnt key and the certificate that was served with it */
  spki: Sha256,
  serial: z.string(),
  issuer: z.string(),
  fingerprint: Sha256,
  crlUrls: z.array(z.string()),
  /** `vulnerable`: leaked itself; `shared-key`: serves a key that leaked elsewhere */
  cause: z.enum(['vulnerable', 'shared-key']),
  /** for shared-key: the endpoint it was found through */
  via: z.string().nullable(),
  /** copies of the key, and certificates for it, that lie in files on any host */
  files: z
    .array(z.object({ hostId: z.string(), hostName: z.string(), path: z.string(), serial: z.string().nullable() }))
    .optional(),
  openedAt: Instant,
});
export type Exposure = z.infer<typeof Exposure>;

/** Which hosts a CVE, a kit or a package concerns, answered from what is stored. */
export const Affected = z.object({
  query: z.string(),
  kind: z.enum(['advisory', 'kit', 'package']),
  hosts: z.array(
    z.object({
      hostId: z.string(),
      hostName: z.string(),
      /** endpoint or component */
      what: z.string(),
      /** state of the finding, or `installed` for a package that nothing is known against */
      state: z.union([FindingState, z.literal('installed')]),
      findingId: z.string().nullable(),
      why: z.string(),
    }),
  ),
  /** hosts whose inventory we do not have: neither affected nor clean */
  unknown: z.array(z.object({ hostId: z.string(), hostName: z.string(), why: z.string() })),
});
export type Affected = z.infer<typeof Affected>;

export const Exception = z.object({
  id: z.string(),
  /** query of findings it covers: all given fields must match */
  match: z.object({
    hostId: z.string().optional(),
    kit: z.string().optional(),
    check: z.string().optional(),
    component: z.string().optional(),
    /** of what feeds say, instead of what kits find */
    advisory: z.string().optional(),
    /** tag expression: an advisory on these hosts */
    hosts: z.string().optional(),
  }),
  reason: z.string().min(3),
  owner: z.string().min(1),
  control: z.string().nullable(),
  expiresAt: Instant,
  createdAt: Instant,
  createdBy: z.string(),
  endedAt: Instant.nullable(),
  endReason: z.string().nullable(),
  /** findings that it keeps out of the fire now, and those it did that are closed; `now` 0: it covers nothing any more */
  covers: z.object({ now: z.number().int(), gone: z.number().int() }).optional(),
});
export type Exception = z.infer<typeof Exception>;
