import * as z from 'zod';

const Count = z.int().min(0);

/** In the order in which they say most about where a machine comes from. */
export const TRAIT_KINDS = ['image', 'cloud image', 'tag', 'package', 'archive', 'setting'] as const;
export const TraitKind = z.enum(TRAIT_KINDS);
export type TraitKind = z.infer<typeof TraitKind>;

export const SharedTrait = z.object({
  kind: TraitKind,
  value: z.string(),
  /** hosts of the group that have it, and how many there are of whom that is known */
  has: Count,
  of: Count,
  othersHave: Count,
  othersOf: Count,
  /** how many times as often as among the others */
  lift: z.number(),
  /** so many further traits are on just the same hosts */
  alike: Count,
  text: z.string(),
});
export type SharedTrait = z.infer<typeof SharedTrait>;

export const LikelySource = z.object({
  /** hosts where it came back; where those are too few to compare, all that burn */
  group: z.enum(['rekindled', 'burning']),
  hosts: Count,
  /** they were compared with so many others */
  others: Count,
  /** there are more, and these were taken evenly among them */
  sampled: z.boolean(),
  /** the likeliest first; none: they share nothing that the others do not have as well */
  items: z.array(SharedTrait),
});
export type LikelySource = z.infer<typeof LikelySource>;
