import { AppError } from '../model/errors/index.ts';
import { ApiError, Unreachable } from '../client/client.ts';
import { NotToSign } from '../client/plan-to-sign.ts';

/**
 * The contract: scripts rely on it. Outside of it: `broken`, Lastember itself went wrong; `unread`, whoever read the
 * results went away, which ends other programs by SIGPIPE.
 */
export const EXIT = { ok: 0, negative: 1, usage: 2, unreachable: 3, refused: 4, broken: 70, unread: 141 } as const;

/** Ends the command with this code after what was printed, without being an error. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A mistake in how the command was called: something it does not take, or the name of something that is not there. */
export class UsageError extends Error {}

/** A file that was named on the command line is not there, is a directory, or may not be read. */
const FILE_CODES: unknown[] = ['ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR', 'EEXIST', 'EPERM'];
const FILE_WORDS: Record<string, string> = {
  ENOENT: 'there is no such file or directory',
  EISDIR: 'this is a directory',
  EACCES: 'you may not read or write it',
  ENOTDIR: 'a part of this path is no directory',
  EEXIST: 'it exists already',
  EPERM: 'you may not read or write it',
};
const USAGE_STATUS: unknown[] = [400, 413];
/** What was named is not there: the same, whether a list that was fetched shows it, or the server says so. */
const MISSING: unknown[] = ['NOT_FOUND', 'ADVISORY_UNKNOWN', 'CAMPAIGN_NONE'];

/** What went wrong, for people: of a file, its name and what is the matter with it. */
export function inWords(error: unknown): string {
  const { code = '', path, message } = error as NodeJS.ErrnoException;
  const words = FILE_WORDS[code];
  // What is opened and then read as a file says its name no more.
  if (code === 'EISDIR' && !path) return 'A file was to be named, and this is a directory.';
  return words && path ? `${path}: ${words}` : message;
}

/** 1 is an answer ("yes, some are affected"), so nothing that went wrong may end with it. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.code;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof NotToSign) return EXIT.refused;
  if (error instanceof Unreachable) return EXIT.unreachable;
  if (error instanceof ApiError) return MISSING.includes(error.code) ? EXIT.usage : ofApi(error.status);
  // Of the server that was to be started here.
  if (error instanceof AppError)
    return USAGE_STATUS.includes(error.status) || error.code === 'CONFIG_INVALID' ? EXIT.usage : EXIT.refused;
  return FILE_CODES.includes((error as NodeJS.ErrnoException).code) ? EXIT.usage : EXIT.broken;
}

function ofApi(status: number): number {
  if (USAGE_STATUS.includes(status)) return EXIT.usage;
  return status >= 500 ? EXIT.unreachable : EXIT.refused;
}
