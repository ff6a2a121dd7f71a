import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Notifier } from '../../model/notice.ts';
import { api } from './client.ts';

export const useNotifiers = () =>
  useQuery({ queryKey: ['notifiers'], queryFn: async () => (await api.listNotifiers()).items as Notifier[] });

export function useNotifierActions() {
  const queries = useQueryClient();
  const onSuccess = () => queries.invalidateQueries({ queryKey: ['notifiers'] });
  const test = useMutation({ mutationFn: (id: string) => api.testNotifier({ params: { id } }), onSuccess });
  const remove = useMutation({ mutationFn: (id: string) => api.removeNotifier({ params: { id } }), onSuccess });
  return { test, remove };
}
