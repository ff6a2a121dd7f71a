import type { ErrorSpec } from './spec.ts';

export const DISCOVERY_ERRORS = {} satisfies Record<string, ErrorSpec>;
