import type { ErrorSpec } from './index.ts';

export const AUDIT_ERRORS = {} satisfies Record<string, ErrorSpec>;
