import type { ErrorSpec } from './index.ts';

export const IMPACT_ERRORS = {} satisfies Record<string, ErrorSpec>;
