import type { ErrorSpec } from './index.ts';

export const DISCOVERY_ERRORS = {} satisfies Record<string, ErrorSpec>;
