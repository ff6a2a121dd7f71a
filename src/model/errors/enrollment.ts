import type { ErrorSpec } from './index.ts';

export const ENROLLMENT_ERRORS = {} satisfies Record<string, ErrorSpec>;
