import { MAY, type Role } from '../../model/actor.ts';
import { canApprove } from '../../model/change.ts';
import type { Approval } from '../../model/plan.ts';
import { signApproval } from './approval.ts';
import { useMe } from './hooks.ts';
import { useApproverKeys } from './use-approvers.ts';
import { useBrowserKeys } from './use-browser-keys.ts';

/** Why the person who looks cannot approve; null when they can. */
export type NotYou = 'author' | 'role' | 'done' | null;

/** What waits for a signature: a change, a deployment, a rule. */
export interface Asks {
  id: string;
  state: string;
  author: string;
  approvals: readonly { statement: { keyId: string } }[];
  approvalsRequired: number;
}

interface Plan {
  data: { digest: string } | undefined;
}
interface Send {
  mutate(approval: Approval): void;
  isPending: boolean;
  error: unknown;
}

/** State of approving one thing in this browser: who looks, the keys it holds, and what went wrong. */
export function useApproval(asks: Asks, plan: Plan, approve: Send) {
  const me = useMe().data;
  const approvers = useApproverKeys();
  const registered = approvers.data ?? NONE;
  const browser = useBrowserKeys();
  const { key, keyIds, setProblem } = browser;
  const own = ownKeys(registered, me?.id);
  const sign = (): void => {
    if (!key || !plan.data) return;
    setProblem(null);
    signApproval(key, asks.id, plan.data.digest).then((approval) => approve.mutate(approval), setProblem);
  };
  return {
    ...browser,
    ...standing(asks, me, [...keyIds, ...own], own),
    /** names of those who hold a key and did not ask for it, nor approve it already */
    others: others(asks, registered),
    /** what would be signed; null until this browser has read and hashed the plan itself */
    digest: plan.data?.digest ?? null,
    /** the server knows no such key of this person, and would refuse its signature */
    foreign: key !== undefined && approvers.isSuccess && !own.includes(key.keyId),
    sign,
    pending: approve.isPending,
    problem: browser.problem ?? approve.error,
  };
}
export type Approving = ReturnType<typeof useApproval>;

type Person = { id: string; role: Role };

function standing(change: Asks, me: Person | undefined, keyIds: readonly string[], own: readonly string[]) {
  if (!me) return { notYou: null, role: null, allowed: false };
  return { notYou: notYou(change, me, own), role: me.role, allowed: canApprove(change, me, keyIds) };
}

function notYou(change: Asks, me: Person, own: readonly string[]): NotYou {
  if (me.id === change.author) return 'author';
  if (!(MAY.approve as readonly Role[]).includes(me.role)) return 'role';
  return change.approvals.some(({ statement }) => own.includes(statement.keyId)) ? 'done' : null;
}

const NONE: readonly Registered[] = [];
type Registered = { keyId: string; person: string; personName: string };

const ownKeys = (registered: readonly Registered[], person: string | undefined): string[] =>
  registered.filter((item) => item.person === person).map((item) => item.keyId);

function others(change: Asks, registered: readonly Registered[]): string[] {
  const given = new Set(change.approvals.map(({ statement }) => statement.keyId));
  const had = new Set(registered.filter((item) => given.has(item.keyId)).map((item) => item.person));
  const can = registered.filter((item) => item.person !== change.author && !had.has(item.person));
  return [...new Set(can.map((item) => item.personName))].sort();
}
