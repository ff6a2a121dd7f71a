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
/** All addresses are counted for it, so it is not asked at each event. */
const SPACE_MS = 60_000;
export const useSpace = () =>
  useQuery({
    queryKey: ['space'],
    staleTime: SPACE_MS,
    refetchInterval: SPACE_MS,
    queryFn: async () => (await api.getAddressSpace()) as Space,
  });

export const useNotLooked = () =>
  useQuery({
    queryKey: ['not-looked'],
    staleTime: SPACE_MS,
    refetchInterval: SPACE_MS,
    queryFn: async () => (await api.listNotLooked()).items as NotLooked[],
  });

export function useReadSource() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.readSource({ params: { id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['sources'] }),
  });
}
