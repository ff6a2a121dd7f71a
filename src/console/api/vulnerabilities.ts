import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Fixes, Vulnerabilities, VulnerabilityDetail, VulnerabilitySeverity } from '../../model/vulnerability.ts';
import { api } from './client.ts';

/** As many as a page takes; who has more goes on, or narrows them down. */
export const PAGE = 50;

export interface Asked {
  host?: string | undefined;
  severity?: VulnerabilitySeverity | undefined;
  exploited?: true | undefined;
  fixable?: true | undefined;
  overdue?: true | undefined;
  accepted?: true | undefined;
  text?: string | undefined;
  page?: number | undefined;
}

export const useVulnerabilities = (asked: Asked) =>
  useQuery({
    queryKey: ['vulnerabilities', 'list', asked],
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const { host, severity, exploited, fixable, overdue, accepted, text, page = 0 } = asked;
      return (await api.listVulnerabilities({
        query: {
          limit: PAGE,
          offset: page * PAGE,
          ...(host === undefined ? {} : { host }),
          ...(severity === undefined ? {} : { severity }),
          ...(text ? { text } : {}),
          ...(exploited ? { exploited: 'true' as const } : {}),
          ...(fixable ? { fixable: 'true' as const } : {}),
          ...(overdue ? { overdue: 'true' as const } : {}),
          ...(accepted ? { accepted: 'true' as const } : {}),
        },
      })) as Vulnerabilities;
    },
  });

export const useVulnerability = (advisory: string) =>
  useQuery({
    queryKey: ['vulnerabilities', 'one', advisory],
    queryFn: async () =>
      (await api.showVulnerability({ params: { advisory }, query: { limit: 200 } })) as VulnerabilityDetail,
  });

export const useFixes = () =>
  useQuery({
    queryKey: ['vulnerabilities', 'fixes'],
    queryFn: async () => (await api.listFixes({ query: { limit: 50 } })) as Fixes,
  });
