import { useQuery } from '@tanstack/react-query';
import type { Scan, Scope } from '../../model/estate.ts';
import { api } from './client.ts';

export const useScans = () =>
  useQuery({ queryKey: ['scans'], queryFn: async () => (await api.listScans()).items as Scan[] });
export const useScopes = () =>
  useQuery({ queryKey: ['scans', 'scopes'], queryFn: async () => (await api.listScopes()).items as Scope[] });
