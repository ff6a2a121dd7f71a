import type { ErrorSpec } from './spec.ts';

export const TRAIL_ERRORS = {} satisfies Record<string, ErrorSpec>;
