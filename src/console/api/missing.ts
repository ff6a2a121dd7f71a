import { ApiError } from '../../client/client.ts';

/** What was asked for is not there; asking again changes nothing. */
export const isMissing = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
