import type { ErrorSpec } from './spec.ts';

export const AUDIT_ERRORS = {} satisfies Record<string, ErrorSpec>;
