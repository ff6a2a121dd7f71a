import { useHosts } from './hooks.ts';

/** Names of hosts by their ids, as far as they are read. */
export function useNames(): (id: string) => string | undefined {
  const hosts = useHosts().data;
  return (id) => hosts?.find((host) => host.id === id)?.name;
}
