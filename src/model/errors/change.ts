import type { ErrorSpec } from './index.ts';

export const CHANGE_ERRORS = {} satisfies Record<string, ErrorSpec>;
