import type { ErrorSpec } from './index.ts';

export const TRAIL_ERRORS = {} satisfies Record<string, ErrorSpec>;
