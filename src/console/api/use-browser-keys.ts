import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { importKey, storedKeys, type BrowserKey } from './approval.ts';

/** The approver keys that this browser holds, which one is picked, and adding one from its file. */
export function useBrowserKeys() {
  const queries = useQueryClient();
  const stored = useQuery({ queryKey: ['browser-keys'], queryFn: storedKeys });
  const [picked, pick] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const keys: BrowserKey[] = stored.data ?? [];
  const addFile = (file: File | null): void => {
    setProblem(null);
    file
      ?.text()
      .then(importKey)
      .then(async (added) => {
        pick(added.keyId);
        // It may have been registered a moment ago, on the command line.
        await queries.invalidateQueries({ queryKey: ['approver-keys'] });
        await queries.invalidateQueries({ queryKey: ['browser-keys'] });
      })
      .catch(setProblem);
  };
  return {
    key: keys.find((item) => item.keyId === picked) ?? keys[0],
    keyIds: keys.map((item) => item.keyId),
    pick,
    addFile,
    problem,
    setProblem,
  };
}
