import type { ErrorSpec } from './spec.ts';

export const IMPACT_ERRORS = {} satisfies Record<string, ErrorSpec>;
