import type { ErrorSpec } from './index.ts';

export const HOST_ERRORS = {} satisfies Record<string, ErrorSpec>;
