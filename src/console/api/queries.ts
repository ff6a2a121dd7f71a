import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { Unreachable } from '../../client/client.ts';
import { isMissing } from './missing.ts';
import { isSignedOut } from './signed-out.ts';

const isMe = (key: readonly unknown[]): boolean => key[0] === 'me';

/** Whether whoever asked who they are got no answer. */
let lost = false;

/**
 * Whoever is refused, or gets no answer, asks who they are: the shell shows what comes of that. When that failed it is
 * asked again in its own time, however much else fails.
 */
function doubt(error: unknown): void {
  if (lost || !(isSignedOut(error) || error instanceof Unreachable)) return;
  void queries.invalidateQueries({ queryKey: ['me'] });
}

/** The server answers again: so may what it did not answer meanwhile. */
function found(): void {
  if (lost) void queries.invalidateQueries({ predicate: ({ state }) => state.status === 'error' });
  lost = false;
}

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey }) => {
      if (isMe(queryKey)) lost = true;
      else doubt(error);
    },
    onSuccess: (_, { queryKey }) => (isMe(queryKey) ? found() : undefined),
  }),
  mutationCache: new MutationCache({ onError: doubt }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) => failures < 1 && !isSignedOut(error) && !isMissing(error),
      refetchOnWindowFocus: true,
    },
  },
});
