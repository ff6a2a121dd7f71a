import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Scan, Scope } from '../../model/estate.ts';
import { api } from './client.ts';

export const useScans = () =>
  useQuery({ queryKey: ['scans'], queryFn: async () => (await api.listScans()).items as Scan[] });
export const useScopes = () =>
  useQuery({ queryKey: ['scans', 'scopes'], queryFn: async () => (await api.listScopes()).items as Scope[] });

const STEER = { pause: api.pauseScan, resume: api.resumeScan, cancel: api.cancelScan };
export type Steer = { id: string; verb: keyof typeof STEER };

export function useSteerScan() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, verb }: Steer) => STEER[verb]({ params: { id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['scans'] }),
  });
}
