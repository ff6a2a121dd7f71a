import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Entry } from '../../model/trail.ts';
import { api } from './client.ts';
import { inPortions } from './portions.ts';

/** Of hosts and findings that one view names. */
const MOST = 400;
const ID = /\b(?:host|finding)_[0-9a-z]{26}\b/g;

/** Ids of hosts and findings in it, wherever. */
export const idsIn = (value: unknown): string[] => [...new Set(JSON.stringify(value ?? null).match(ID) ?? [])];

/** What these entries are about and do not name themselves. */
export const unnamedIn = (entries: readonly Entry[]): string[] =>
  idsIn(entries.flatMap(({ subject, related }) => [subject, ...related].filter(({ name }) => name === undefined)));

/** Names of these hosts and findings, as far as they are read. */
export function useNames(ids: readonly string[]): (id: string) => string | undefined {
  const hosts = useNamed('hosts', ids);
  const findings = useNamed('findings', ids);
  return (id) => hosts?.get(id) ?? findings?.get(id);
}

const READ = {
  hosts: async (id: string[]) =>
    (await api.listHosts({ query: { id } })).items.map((host) => [host.id, host.name] as const),
  findings: async (id: string[]) =>
    (await api.listFindings({ query: { id } })).items.map(
      (finding) => [finding.id, `${finding.title} on ${finding.hostName}`] as const,
    ),
};

function useNamed(kind: keyof typeof READ, ids: readonly string[]): ReadonlyMap<string, string> | undefined {
  const own = ids
    .filter((id) => id.startsWith(kind === 'hosts' ? 'host_' : 'finding_'))
    .slice(0, MOST)
    .sort();
  return useQuery({
    queryKey: [kind, 'names', own],
    placeholderData: keepPreviousData,
    enabled: own.length > 0,
    queryFn: async () => new Map(await inPortions(own, READ[kind])),
  }).data;
}
