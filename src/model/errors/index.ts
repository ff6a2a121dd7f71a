import { AUDIT_ERRORS } from './audit.ts';
import { AUTH_ERRORS } from './auth.ts';
import { CHANGE_ERRORS } from './change.ts';
import { DISCOVERY_ERRORS } from './discovery.ts';
import { ENROLLMENT_ERRORS } from './enrollment.ts';
import { HOST_ERRORS } from './host.ts';
import { IMPACT_ERRORS } from './impact.ts';
import { PLATFORM_ERRORS } from './platform.ts';
import type { ErrorSpec } from './spec.ts';
import { TRAIL_ERRORS } from './trail.ts';

export type { ErrorSpec };

/** The one error catalogue. Clients branch on `code` only. */
export const ERRORS = {
  ...PLATFORM_ERRORS,
  ...AUTH_ERRORS,
  ...DISCOVERY_ERRORS,
  ...ENROLLMENT_ERRORS,
  ...HOST_ERRORS,
  ...AUDIT_ERRORS,
  ...IMPACT_ERRORS,
  ...CHANGE_ERRORS,
  ...TRAIL_ERRORS,
} satisfies Record<string, ErrorSpec>;
export type ErrorCode = keyof typeof ERRORS;
export type ErrorParams = Record<string, string | number>;

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly params: ErrorParams;
  constructor(code: ErrorCode, params: ErrorParams = {}, options: { cause?: unknown } = {}) {
    const spec: ErrorSpec = ERRORS[code];
    super(
      spec.text.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? '')),
      options,
    );
    this.name = 'AppError';
    this.code = code;
    this.status = spec.status;
    this.params = params;
  }
}

export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
