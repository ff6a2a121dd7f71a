import * as z from 'zod';
import { Severity } from './kit.ts';
import { readTagExpression } from './tag-expression.ts';

const ID = '[a-z0-9-]{1,60}';
export const PolicyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'small letters, digits and hyphens, at most 60');
/** KIT, or KIT/CHECK */
export const CheckRef = z.string().regex(new RegExp(`^${ID}(/${ID})?$`), 'a kit, or KIT/CHECK');

const Days = z.int().min(1).max(3650).optional();
const SlaDays = z.object({ critical: Days, high: Days, medium: Days, low: Days, info: Days }).strict();

/** What hosts are held to: which checks, how bad each failure is, and how many days there are to end it. */
export const Profile = z
  .object({
    name: PolicyName,
    title: z.string().max(200).default(''),
    /** kits and single checks; left out: all */
    include: z.array(CheckRef).min(1).max(2000).optional(),
    /** what of these is left out again */
    exclude: z.array(CheckRef).max(2000).default([]),
    /** kit or check → how bad a failure is here; a check's own line is before that of its kit */
    severity: z.record(CheckRef, Severity).default({}),
    /** days from the first look that found it until it is to be gone */
    slaDays: SlaDays.default({}),
  })
  .strict();
export type Profile = z.infer<typeof Profile>;

export const TagExpression = z.string().superRefine((text, context) => {
  const read = readTagExpression(text);
  if ('why' in read) context.addIssue({ code: 'custom', message: read.why });
});

/** Holds the hosts whose tags fit to a profile. */
export const Policy = z.object({ name: PolicyName, profile: PolicyName, hosts: TagExpression }).strict();
export type Policy = z.infer<typeof Policy>;

export const PolicySet = z
  .object({ profiles: z.array(Profile).max(200).default([]), policies: z.array(Policy).max(500).default([]) })
  .strict();
export type PolicySet = z.infer<typeof PolicySet>;

/** A profile or policy that was asked to be set: `keep` leaves all others as they are, without it they are removed. */
export const PolicyInput = PolicySet.extend({ keep: z.boolean().default(true) }).strict();
export type PolicyInput = z.infer<typeof PolicyInput>;

/** Checks that a change of policies brings to a host, takes from it, or counts otherwise there. */
export const PolicyEffect = z.object({
  hostId: z.string(),
  hostName: z.string(),
  before: z.array(z.string()),
  after: z.array(z.string()),
  /** KIT/CHECK */
  added: z.array(z.string()),
  removed: z.array(z.string()),
  /** another severity or SLA */
  changed: z.array(z.string()),
});
export type PolicyEffect = z.infer<typeof PolicyEffect>;

export const PolicyPreview = z.object({
  hosts: z.number().int(),
  /** of the hosts that would change; the first so many */
  effects: z.array(PolicyEffect),
  more: z.number().int(),
  /** findings that would be closed as not applicable by policy */
  closes: z.number().int(),
});
export type PolicyPreview = z.infer<typeof PolicyPreview>;

export const PolicyList = z.object({
  profiles: z.array(Profile.extend({ checks: z.number().int() })),
  policies: z.array(Policy.extend({ matches: z.number().int() })),
  /** hosts that no policy is for: every shipped kit applies to them */
  unbound: z.number().int(),
});
export type PolicyList = z.infer<typeof PolicyList>;
