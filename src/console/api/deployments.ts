import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { deploymentToSign, ruleToSign } from '../../client/plan-to-sign.ts';
import type { Coverage, Deployment, DeployRule } from '../../model/deployment.ts';
import type { Approval } from '../../model/plan.ts';
import { api } from './client.ts';

export const useDeployments = () =>
  useQuery({ queryKey: ['deployments'], queryFn: async () => (await api.listDeployments()).items as Deployment[] });
export const useDeployment = (id: string) =>
  useQuery({
    queryKey: ['deployments', id],
    queryFn: async () => (await api.getDeployment({ params: { id } })) as Deployment,
  });
export const useDeployRules = () =>
  useQuery({
    queryKey: ['deployments', 'rules'],
    queryFn: async () => (await api.listDeployRules()).items as DeployRule[],
  });
export const useCoverage = () =>
  useQuery({
    queryKey: ['coverage'],
    queryFn: async () => (await api.getCoverage({ query: {} })).items as Coverage[],
  });
export const useCredentials = (enabled: boolean) =>
  useQuery({ queryKey: ['credentials'], queryFn: async () => (await api.listCredentials()).items, enabled });

/** What would be signed, as this browser read, checked and hashed it. */
export const useDeploymentPlan = ({ id, planDigest }: Pick<Deployment, 'id' | 'planDigest'>) =>
  useQuery({
    queryKey: ['deployment-plan', id, planDigest],
    queryFn: () => deploymentToSign(api, { id, planDigest }),
    enabled: planDigest !== null,
    staleTime: Infinity,
    retry: false,
  });
export const useRulePlan = ({ id, planDigest }: Pick<DeployRule, 'id' | 'planDigest'>, enabled: boolean) =>
  useQuery({
    queryKey: ['rule-plan', id, planDigest],
    queryFn: () => ruleToSign(api, { id, planDigest }),
    enabled,
    staleTime: Infinity,
    retry: false,
  });

function useChanging<I, O>(run: (input: I) => Promise<O>) {
  const queries = useQueryClient();
  const stale = (): Promise<unknown> =>
    Promise.all(['deployments', 'coverage', 'hosts'].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  return useMutation({ mutationFn: run, onSuccess: stale });
}
export type DeploymentAsk = NonNullable<Parameters<typeof api.createDeployment>[0]>['body'];
export const useCreateDeployment = () => useChanging((body: DeploymentAsk) => api.createDeployment({ body }));
export const useApproveDeployment = (id: string) =>
  useChanging((body: Approval) => api.approveDeployment({ params: { id }, body }));
export const useCancelDeployment = (id: string) => useChanging(() => api.cancelDeployment({ params: { id } }));
export const useApproveRule = (id: string) =>
  useChanging((body: Approval) => api.approveDeployRule({ params: { id }, body }));
export const useEndRule = () => useChanging((id: string) => api.endDeployRule({ params: { id } }));
