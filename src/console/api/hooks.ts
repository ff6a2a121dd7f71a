import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Role } from '../../model/actor.ts';
import type { Campaign } from '../../model/campaign.ts';
import type { Change } from '../../model/change.ts';
import type { Endpoint, Host } from '../../model/estate.ts';
import type { Exception, Finding } from '../../model/finding.ts';
import type { Dependency } from '../../model/impact.ts';
import type { Approval } from '../../model/plan.ts';
import type { Checkpoint, DocumentKind, SequencedEntry, TrailVerdict } from '../../model/trail.ts';
import { call } from './call.ts';

const items = <T>(page: { items: T[] }): T[] => page.items;

export const useMe = () =>
  useQuery({
    queryKey: ['me'],
    queryFn: () => call<{ id: string; name: string; role: Role }>('GET', '/me'),
    retry: false,
  });
export const useHosts = () =>
  useQuery({ queryKey: ['hosts'], queryFn: () => call<{ items: Host[] }>('GET', '/hosts').then(items) });
export const useHost = (id: string) =>
  useQuery({
    queryKey: ['host', id],
    queryFn: () => call<{ host: Host; endpoints: Endpoint[] }>('GET', `/hosts/${id}`),
  });
export const useFindings = () =>
  useQuery({ queryKey: ['findings'], queryFn: () => call<{ items: Finding[] }>('GET', '/findings').then(items) });
export const useDependencies = () =>
  useQuery({
    queryKey: ['dependencies'],
    queryFn: () => call<{ items: Dependency[] }>('GET', '/dependencies').then(items),
  });
export const useExceptions = () =>
  useQuery({ queryKey: ['exceptions'], queryFn: () => call<{ items: Exception[] }>('GET', '/exceptions').then(items) });
export const useChanges = () =>
  useQuery({ queryKey: ['changes'], queryFn: () => call<{ items: Change[] }>('GET', '/changes').then(items) });
export const useChange = (id: string) =>
  useQuery({ queryKey: ['change', id], queryFn: () => call<Change>('GET', `/changes/${id}`) });
export const useCampaigns = () =>
  useQuery({ queryKey: ['campaigns'], queryFn: () => call<{ items: Campaign[] }>('GET', '/campaigns').then(items) });
export const useCampaign = (kit: string) =>
  useQuery({ queryKey: ['campaigns', kit], queryFn: () => call<Campaign>('GET', `/campaigns/${kit}`) });

export interface TrailQuery {
  limit: number;
  subject?: string;
  type?: string;
}
export const useTrail = (query: TrailQuery) =>
  useQuery({
    queryKey: ['trail', query],
    queryFn: () =>
      call<{ items: SequencedEntry[]; total: number }>('GET', '/trail', {
        query: { ...query, limit: String(query.limit) },
      }),
  });
export const useTrailVerdict = () =>
  useQuery({ queryKey: ['trail', 'verdict'], queryFn: () => call<TrailVerdict>('GET', '/trail/verify') });
export const useCheckpoint = () =>
  useQuery({ queryKey: ['trail', 'checkpoint'], queryFn: () => call<Checkpoint>('GET', '/trail/checkpoint') });

export interface DocumentItem {
  kind: DocumentKind;
  id: string;
  title: string;
  at: string;
}
export const useDocuments = () =>
  useQuery({
    queryKey: ['documents'],
    queryFn: () => call<{ items: DocumentItem[] }>('GET', '/documents').then(items),
  });

/** A mutation that makes the named queries stale when it is done. */
function useAction<I, O>(run: (input: I) => Promise<O>, stale: string[]) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: () => Promise.all(stale.map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}

export const useSignIn = () =>
  useAction((input: { name: string; password: string }) => call('POST', '/sign-in', { body: input }), ['me']);
export const useRedeemLink = () =>
  useAction((code: string) => call('POST', '/sign-in/link', { body: { code } }), ['me']);
export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: () => call('POST', '/sign-out'), onSuccess: () => queries.clear() });
}
export const useCreateChange = () =>
  useAction(
    (input: { kit: string; title: string; reason: string }) =>
      call<{ change: Change }>('POST', '/changes', { body: input }).then((reply) => reply.change),
    ['changes', 'findings'],
  );
export const useApproveChange = (id: string) =>
  useAction(
    (approval: Approval) => call<Change>('POST', `/changes/${id}/approve`, { body: approval }),
    ['change', 'changes'],
  );
export type ChangeAction = 'run' | 'pause' | 'resume' | 'cancel' | 'rollback';
export const useChangeAction = (id: string) =>
  useAction(
    (action: ChangeAction) => call<Change>('POST', `/changes/${id}/${action}`, { body: {} }),
    ['change', 'changes'],
  );
export const useClaimHost = (id: string) =>
  useAction(() => call('POST', `/hosts/${id}/claim`, { body: {} }), ['hosts', 'host']);
export const useEndException = () =>
  useAction(
    (id: string) => call('POST', `/exceptions/${id}/end`, { body: {} }),
    ['exceptions', 'findings', 'campaigns'],
  );
