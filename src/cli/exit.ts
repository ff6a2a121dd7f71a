import { AppError } from '../model/errors/index.ts';
import { ApiError, Unreachable } from '../client/client.ts';

/** The contract: scripts rely on it. */
export const EXIT = { ok: 0, negative: 1, usage: 2, unreachable: 3, refused: 4 } as const;

/** Ends the command with this code after what was printed, without being an error. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A mistake in how the command was called. */
export class UsageError extends Error {}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.code;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof Unreachable) return EXIT.unreachable;
  const status = error instanceof ApiError || error instanceof AppError ? error.status : 0;
  if (status === 400 || status === 413) return EXIT.usage;
  if ([401, 403, 404, 409, 422, 429].includes(status)) return EXIT.refused;
  return EXIT.negative;
}
