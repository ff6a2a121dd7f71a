import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { UnknownHost } from '../../model/unknown.ts';
import { api } from './client.ts';

export const useUnknown = () =>
  useQuery({ queryKey: ['unknown'], queryFn: async () => (await api.listUnknown()).items as UnknownHost[] });

/** What somebody says an unknown host is. */
export type Said =
  | { id: string; is: 'ours'; owner?: string }
  | { id: string; is: 'aside'; reason: string; until: string | null };

export function useSay() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (said: Said) => {
      const params = { id: said.id };
      if (said.is === 'ours') return api.claimHost({ params, body: said.owner ? { owner: said.owner } : {} });
      const body = { reason: said.reason, ...(said.until ? { until: said.until } : {}) };
      return api.ignoreHost({ params, body });
    },
    onSuccess: () =>
      Promise.all(['unknown', 'hosts', 'host', 'sources'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}
