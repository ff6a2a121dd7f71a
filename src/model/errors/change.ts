import type { ErrorSpec } from './spec.ts';

export const CHANGE_ERRORS = {} satisfies Record<string, ErrorSpec>;
