import type { ErrorSpec } from './spec.ts';

export const PLATFORM_ERRORS = {
  INPUT_INVALID: { status: 400, text: 'The input does not fit: {why}.' },
  UNAUTHENTICATED: { status: 401, text: 'Sign in first, or set LASTEMBER_TOKEN.' },
  FORBIDDEN: { status: 403, text: 'Your role ({role}) may not do this; it takes {needs}.' },
  NOT_FOUND: { status: 404, text: 'There is no {what} "{id}". List what there is with `lastember {list}`.' },
  CONFLICT: { status: 409, text: '{why}.' },
  INTERNAL: { status: 500, text: 'Something went wrong on the server; its log has request {request}.' },
} satisfies Record<string, ErrorSpec>;
