import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { RETRY_MS } from './hooks.ts';

/** Topic of a server event → first parts of the query keys that it makes stale. */
const STALE: Record<string, string[]> = {
  hosts: ['hosts', 'host', 'endpoints', 'coverage', 'overview', 'sources', 'unknown', 'patrols', 'timeline'],
  scans: ['scans', 'patrols', 'overview'],
  agents: ['hosts', 'host', 'agents', 'deployments', 'agent-updates', 'overview'],
  findings: ['findings', 'exceptions', 'host', 'campaigns', 'compliance', 'keys', 'overview', 'vulnerabilities'],
  facts: ['host', 'compliance', 'dependencies', 'keys'],
  changes: ['changes', 'change', 'overview'],
  tasks: ['change'],
  campaigns: ['campaigns', 'overview'],
  trail: ['trail', 'overview'],
  documents: ['documents', 'notifiers'],
};
/** Events come in bursts during a rollout; one refresh per key each half second is plenty for eyes. */
const SETTLE_MS = 500;

/** Keeps every page current without reloading. Returns whether the stream stands. */
export function useLiveUpdates(enabled: boolean): boolean {
  const queries = useQueryClient();
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    if (!enabled) return;
    const pending = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      timer = undefined;
      for (const key of pending) void queries.invalidateQueries({ queryKey: [key] });
      pending.clear();
    };
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let missed = false;
    const connect = (): void => {
      source = new EventSource('/api/v1/events');
      source.onopen = () => {
        setConnected(true);
        // Nobody told what happened in between.
        if (missed) void queries.invalidateQueries();
        missed = false;
      };
      source.onerror = () => {
        setConnected(false);
        if (!missed) void queries.invalidateQueries({ queryKey: ['me'] });
        missed = true;
        // After a refusal the browser does not try again by itself.
        if (source?.readyState === EventSource.CLOSED) again = setTimeout(connect, RETRY_MS);
      };
      source.onmessage = (message: MessageEvent<string>) => {
        const { topic } = JSON.parse(message.data) as { topic: string };
        for (const key of STALE[topic] ?? []) pending.add(key);
        timer ??= setTimeout(flush, SETTLE_MS);
      };
    };
    connect();
    return () => {
      clearTimeout(timer);
      clearTimeout(again);
      source?.close();
    };
  }, [enabled, queries]);
  return connected;
}
