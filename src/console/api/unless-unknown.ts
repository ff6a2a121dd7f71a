import { ApiError } from '../../client/client.ts';

/** An address may name a kit that is there no longer: nothing fits, and it is said so with the way back to all. */
export async function unlessUnknown<T>(asked: Promise<T>, nothing: T): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'NOT_FOUND') return nothing;
    throw error;
  }
}
