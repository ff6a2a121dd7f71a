import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { canApprove, type Change } from '../../model/change.ts';
import { importKey, signApproval, storedKeys, type BrowserKey } from './approval.ts';
import { useApproveChange, useMe, usePlan } from './hooks.ts';

/** State of approving one change in this browser: the keys it holds, which one is picked, and what went wrong. */
export function useApproval(change: Change) {
  const me = useMe().data;
  const queries = useQueryClient();
  const stored = useQuery({ queryKey: ['browser-keys'], queryFn: storedKeys });
  const approve = useApproveChange(change.id);
  const plan = usePlan(change);
  const [picked, pick] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const keys: BrowserKey[] = stored.data ?? [];
  const key = keys.find((item) => item.keyId === picked) ?? keys[0];
  const keyIds = keys.map((item) => item.keyId);

  const addFile = (file: File | null): void => {
    setProblem(null);
    file
      ?.text()
      .then(importKey)
      .then(() => queries.invalidateQueries({ queryKey: ['browser-keys'] }))
      .catch(setProblem);
  };
  const sign = (): void => {
    if (!key || !plan.data) return;
    setProblem(null);
    signApproval(key, change.id, plan.data.digest).then((approval) => approve.mutate(approval), setProblem);
  };
  return {
    isAuthor: me?.id === change.author,
    /** what would be signed; null until this browser has read and hashed the plan itself */
    digest: plan.data?.digest ?? null,
    allowed: me && plan.data ? canApprove(change, me, keyIds) : false,
    keyIds,
    key,
    pick,
    addFile,
    sign,
    pending: approve.isPending,
    problem: problem ?? approve.error ?? plan.error,
  };
}
