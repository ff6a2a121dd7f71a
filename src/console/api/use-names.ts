import { useFindings, useHosts } from './hooks.ts';

/** Names of hosts and findings by their ids, as far as they are read. */
export function useNames(): (id: string) => string | undefined {
  const hosts = useHosts().data ?? [];
  const findings = useFindings().data ?? [];
  const names = new Map([
    ...findings.map(({ id, title, hostName }) => [id, `${title} on ${hostName}`] as const),
    ...hosts.map(({ id, name }) => [id, name] as const),
  ]);
  return (id) => names.get(id);
}
