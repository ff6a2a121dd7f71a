import { useQuery } from '@tanstack/react-query';
import type { Scanner, Site } from '../../model/site.ts';
import { api } from './client.ts';

/** A scanner that falls silent announces nothing: these are asked again by themselves. */
const AGAIN_MS = 15_000;

export const useSites = () =>
  useQuery({
    queryKey: ['scans', 'sites'],
    queryFn: async () => (await api.listSites()).items as Site[],
    refetchInterval: AGAIN_MS,
  });
export const useScanners = () =>
  useQuery({
    queryKey: ['scans', 'scanners'],
    queryFn: async () => (await api.listScanners()).items as Scanner[],
    refetchInterval: AGAIN_MS,
  });
