import type { AuthorityKind } from './contract.ts';
import { stepCa } from './step-ca.ts';

/** Every kind of authority, alphabetically. */
export const AUTHORITY_KINDS = {
  'step-ca': stepCa,
} satisfies Record<string, AuthorityKind>;
export type AuthorityKindName = keyof typeof AUTHORITY_KINDS;
export const AUTHORITY_KIND_NAMES = Object.keys(AUTHORITY_KINDS) as AuthorityKindName[];
