import type { ErrorSpec } from './spec.ts';

export const ENROLLMENT_ERRORS = {} satisfies Record<string, ErrorSpec>;
