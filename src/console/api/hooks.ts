import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Campaign } from '../../model/campaign.ts';
import { Change } from '../../model/change.ts';
import type { Host } from '../../model/estate.ts';
import type { FindingNow } from '../../model/finding.ts';
import type { Approval } from '../../model/plan.ts';
import type { SequencedEntry } from '../../model/trail.ts';
import { planToSign } from '../../client/plan-to-sign.ts';
import { api } from './client.ts';
import { isSignedOut } from './signed-out.ts';

/** How soon a server that did not answer is asked again. */
export const RETRY_MS = 5_000;

/*
 * One hook a question. Replies come typed from the generated client; where the model's own type says more (optional
 * fields that are absent, not undefined), the model is what pages use.
 */
export const useMe = () =>
  useQuery({
    queryKey: ['me'],
    queryFn: () => api.me(),
    retry: false,
    refetchInterval: ({ state }) => (state.error !== null && !isSignedOut(state.error) ? RETRY_MS : false),
  });
export const useHosts = () =>
  useQuery({ queryKey: ['hosts'], queryFn: async () => (await api.listHosts()).items as Host[] });
export const useAgents = () =>
  useQuery({ queryKey: ['hosts', 'agents'], queryFn: async () => (await api.listAgents()).items });
export const useHost = (id: string) =>
  useQuery({ queryKey: ['host', id], queryFn: () => api.getHost({ params: { id } }) });
export const useHostSnaps = (id: string) =>
  useQuery({
    queryKey: ['host', id, 'snaps'],
    queryFn: () => api.getHostFactsSection({ params: { id, section: 'snaps' } }),
  });
export const useHostFindings = (hostId: string) =>
  useQuery({
    queryKey: ['findings', 'host', hostId],
    queryFn: async () => (await api.listFindings({ query: { host: hostId } })).items as FindingNow[],
  });
export const useDependencies = () =>
  useQuery({ queryKey: ['dependencies'], queryFn: async () => (await api.listDependencies()).items });
export const useKits = () =>
  useQuery({ queryKey: ['kits'], queryFn: async () => (await api.listKits()).items, staleTime: Infinity });
export const useExceptions = () =>
  useQuery({ queryKey: ['exceptions'], queryFn: async () => (await api.listExceptions()).items });
export const useChanges = () =>
  useQuery({ queryKey: ['changes'], queryFn: async () => (await api.listChanges()).items as Change[] });
export const useChange = (id: string) =>
  useQuery({ queryKey: ['change', id], queryFn: async () => Change.parse(await api.getChange({ params: { id } })) });
/** The plan as this browser read, checked and hashed it. */
export const usePlan = ({ id, planDigest }: Pick<Change, 'id' | 'planDigest'>) =>
  useQuery({
    queryKey: ['plan', id, planDigest],
    queryFn: () => planToSign(api, { id, planDigest }),
    enabled: planDigest !== null,
    staleTime: Infinity,
    retry: false,
  });
export const useCampaigns = () =>
  useQuery({ queryKey: ['campaigns'], queryFn: async () => (await api.listCampaigns()).items as Campaign[] });
export const useCampaign = (kit: string) =>
  useQuery({
    queryKey: ['campaigns', kit],
    queryFn: async () => Campaign.parse(await api.getCampaign({ params: { kit } })),
  });

export interface TrailQuery {
  limit: number;
  subject?: string;
  host?: string;
  type?: string;
}
export const useTrail = (query: TrailQuery) =>
  useQuery({
    queryKey: ['trail', query],
    queryFn: async () => (await api.listTrail({ query })) as { items: SequencedEntry[]; total: number },
  });
export const useTrailVerdict = () => useQuery({ queryKey: ['trail', 'verdict'], queryFn: () => api.verifyTrail() });
export const useCheckpoint = () =>
  useQuery({ queryKey: ['trail', 'checkpoint'], queryFn: () => api.getTrailCheckpoint() });
export const useDocuments = () =>
  useQuery({ queryKey: ['documents'], queryFn: async () => (await api.listDocuments()).items });

/** A mutation that makes the named queries stale when it is done. */
function useAction<I, O>(run: (input: I) => Promise<O>, stale: string[]) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: () => Promise.all(stale.map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
}

/** Whoever signs in starts afresh: nothing that was read, or refused, before is theirs. */
function useEntrance<I>(run: (input: I) => Promise<unknown>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: run, onSuccess: () => queries.removeQueries() });
}
export const useSignIn = () => useEntrance((body: { name: string; password: string }) => api.signIn({ body }));
export const useRedeemLink = () => useEntrance((code: string) => api.redeemLink({ body: { code } }));
export const useChangePassword = () =>
  useAction((body: { current?: string; password: string }) => api.changeOwnPassword({ body }), []);
export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({ mutationFn: () => api.signOut(), onSuccess: () => queries.clear() });
}
export const useCreateChange = () =>
  useAction(
    async (body: { kit: string; title: string; reason: string }) => (await api.createChange({ body })).change,
    ['changes', 'findings'],
  );
export const useApproveChange = (id: string) =>
  useAction((body: Approval) => api.approveChange({ params: { id }, body }), ['change', 'changes']);

const ACTIONS = {
  run: api.runChange,
  pause: api.pauseChange,
  resume: api.resumeChange,
  cancel: api.cancelChange,
  rollback: api.rollbackChange,
} as const;
export type ChangeAction = keyof typeof ACTIONS;
export const useChangeAction = (id: string) =>
  useAction((action: ChangeAction) => ACTIONS[action]({ params: { id } }), ['change', 'changes']);
export const useClaimHost = (id: string) =>
  useAction(() => api.claimHost({ params: { id }, body: {} }), ['hosts', 'host']);
export const useEndException = () =>
  useAction((id: string) => api.endException({ params: { id }, body: {} }), ['exceptions', 'findings', 'campaigns']);
