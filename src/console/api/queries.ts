import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isSignedOut } from './signed-out.ts';

/** Whoever is refused asks who they are; the shell leads those who are nobody to signing in. */
function onError(error: unknown): void {
  if (isSignedOut(error)) void queries.invalidateQueries({ queryKey: ['me'] });
}

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => (query.queryKey[0] === 'me' ? undefined : onError(error)) }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (failures, error) => failures < 1 && !isSignedOut(error),
      refetchOnWindowFocus: true,
    },
  },
});
