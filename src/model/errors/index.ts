import { AUDIT_ERRORS } from './audit.ts';
import { AUTH_ERRORS } from './auth.ts';
import { CHANGE_ERRORS } from './change.ts';
import { DISCOVERY_ERRORS } from './discovery.ts';
import { ENROLLMENT_ERRORS } from './enrollment.ts';
import { HOST_ERRORS } from './host.ts';
import { IMPACT_ERRORS } from './impact.ts';
import { plainText } from '../text.ts';
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
    const plain = plainParams(params);
    super(
      spec.text.replace(/\{(\w+)\}/g, (_, name: string) => String(plain[name] ?? '')),
      options,
    );
    this.name = 'AppError';
    this.code = code;
    this.status = spec.status;
    this.params = plain;
  }
}

/** Much of what errors tell is in the words of hosts. */
const plainParams = (params: ErrorParams): ErrorParams =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, typeof value === 'string' ? plainText(value) : value]),
  );

export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
