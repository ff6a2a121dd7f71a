import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Dimension } from '../../model/compliance.ts';
import { api } from './client.ts';

export const useCompliance = (by: Dimension) =>
  useQuery({
    queryKey: ['compliance', by],
    placeholderData: keepPreviousData,
    queryFn: () => api.getCompliance({ query: { by } }),
  });
export const useComplianceDays = () =>
  useQuery({
    queryKey: ['compliance', 'days'],
    queryFn: async () => (await api.listComplianceDays({ query: {} })).items,
  });
export const useHostCompliance = (id: string) =>
  useQuery({ queryKey: ['compliance', 'host', id], queryFn: () => api.getHostCompliance({ params: { id } }) });
export const usePolicies = () => useQuery({ queryKey: ['compliance', 'policies'], queryFn: () => api.listPolicies() });
export const useLikelySource = (kit: string, check?: string) =>
  useQuery({
    queryKey: ['findings', 'likely-source', kit, check],
    queryFn: () => api.getLikelySource({ query: { kit, ...(check === undefined ? {} : { check }) } }),
  });
