import type { ErrorSpec } from './spec.ts';

export const HOST_ERRORS = {} satisfies Record<string, ErrorSpec>;
