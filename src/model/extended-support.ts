/** Red Hat's ways to stay on a release for longer, the longest first: a minor one, or with `els` the last one of a major. */
export const SUPPORT_KINDS = ['aus', 'e6s', 'tus', 'e4s', 'eus-long-life', 'e2s', 'eus', 'els'] as const;
export type SupportKind = (typeof SUPPORT_KINDS)[number];
