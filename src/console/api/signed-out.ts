import { ApiError } from '../../client/client.ts';

/** The server answers, but no longer knows who asks. */
export const isSignedOut = (error: unknown): boolean => error instanceof ApiError && error.status === 401;
