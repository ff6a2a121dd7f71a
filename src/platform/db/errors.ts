import { AppError, isAppError } from '../../model/errors/index.ts';

interface PgError {
  code?: string;
  message: string;
  detail?: string;
}

/** The server is away or not yet there: worth trying again shortly. */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  '57P01', // admin shutdown
  '57P02', // crash shutdown
  '57P03', // cannot connect now: starting up
  '08000',
  '08003',
  '08006',
]);

export function isAway(error: unknown): boolean {
  const { code, message } = error as PgError;
  return (
    AWAY.has(code ?? '') ||
    /^Connection terminated|^Client has encountered a connection error|^timeout exceeded when trying to connect/.test(
      message ?? '',
    )
  );
}

/** Nothing is wrong with what was written: done again, it may well be. Beside its absence: deadlocks, and no room or memory. */
export const mayPass = (error: unknown): boolean =>
  isAway(error) || /^(?:08|40|53|55P03|57)/.test((error as PgError | null)?.code ?? '');

/** PostgreSQL's errors that mean something to a person, as errors of the catalogue; all others as they are. */
export function translate(error: unknown): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  const { code, message } = error as PgError;
  if (code === 'LE001') return new AppError('UNRECORDED_WRITE', { why: message }, { cause: error });
  if (code === '53100' || code === 'ENOSPC')
    return new AppError('DATABASE_DISK_FULL', { why: message }, { cause: error });
  if (isAway(error)) {
    const hint = 'postgres.log in the data directory, or at the server of DATABASE_URL';
    return new AppError('DATABASE_UNAVAILABLE', { why: message || String(code), hint }, { cause: error });
  }
  return error;
}
