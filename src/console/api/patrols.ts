import { useQuery } from '@tanstack/react-query';
import type { Patrol } from '../../model/patrol.ts';
import { api } from './client.ts';

export const usePatrols = () =>
  useQuery({ queryKey: ['patrols'], queryFn: async () => (await api.listPatrols()).items as Patrol[] });
