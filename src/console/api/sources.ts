import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { NotLooked, Source, SourceKindInfo, Space } from '../../model/source.ts';
import { api } from './client.ts';

export const useSources = () =>
  useQuery({ queryKey: ['sources'], queryFn: async () => (await api.listSources()).items as Source[] });
export const useSourceKinds = () =>
  useQuery({
    queryKey: ['source-kinds'],
    queryFn: async () => (await api.listSourceKinds()).items as SourceKindInfo[],
    staleTime: Infinity,
  });
export const useSpace = () =>
  useQuery({ queryKey: ['sources', 'space'], queryFn: async () => (await api.getAddressSpace()) as Space });

export const useNotLooked = () =>
  useQuery({
    queryKey: ['sources', 'not-looked'],
    queryFn: async () => (await api.listNotLooked()).items as NotLooked[],
  });

export function useReadSource() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.readSource({ params: { id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['sources'] }),
  });
}
