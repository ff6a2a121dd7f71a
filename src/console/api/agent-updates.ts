import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { updateToSign } from '../../client/plan-to-sign.ts';
import type { AgentUpdate, AgentUpdateSummary } from '../../model/enrollment.ts';
import type { Approval } from '../../model/plan.ts';
import { api } from './client.ts';

export const useAgentUpdates = () =>
  useQuery({
    queryKey: ['agent-updates'],
    queryFn: async () => (await api.listAgentUpdates()).items as AgentUpdateSummary[],
  });
export const useAgentUpdate = (id: string) =>
  useQuery({
    queryKey: ['agent-updates', id],
    queryFn: async () => (await api.getAgentUpdate({ params: { id } })) as AgentUpdate,
  });

/** What would be signed, as this browser read, checked and hashed it. */
export const useRelease = (update: AgentUpdate) =>
  useQuery({
    queryKey: ['release', update.id, update.digest, update.program, update.release, update.hosts.map((h) => h.agentId)],
    queryFn: () => updateToSign(update),
    staleTime: Infinity,
    retry: false,
  });

function useChanging<I, O>(run: (input: I) => Promise<O>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: () => queries.invalidateQueries({ queryKey: ['agent-updates'] }),
  });
}
export const useApproveAgentUpdate = (id: string) =>
  useChanging((body: Approval) => api.approveAgentUpdate({ params: { id }, body }));
export const useCancelAgentUpdate = (id: string) => useChanging(() => api.cancelAgentUpdate({ params: { id } }));
