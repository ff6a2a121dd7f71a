import type { AlarmRequest, CheckpointReply } from '../../model/agent.ts';
import type { Plan } from '../../model/plan.ts';
import type { Subject } from '../../model/trail.ts';
import type { Platform } from '../../platform/context.ts';
import type { Audit } from '../audit/index.ts';
import type { Discovery } from '../discovery/index.ts';
import type { Enrollment } from '../enrollment/index.ts';
import type { ImpactFace } from '../impact/index.ts';
import type { AuthorityKinds } from './authorities/contract.ts';
import type { RevocationLists } from '../../platform/pki/revocation-list.ts';

export interface Deps {
  platform: Platform;
  discovery: Discovery;
  enrollment: Enrollment;
  audit: Audit;
  impact: ImpactFace;
  authorities: AuthorityKinds;
  lists: RevocationLists;
  history: History;
}

/** The trail as agents see it: for hosts that have none, the server looks in their place. */
export interface History {
  checkpoint(size: number): Promise<CheckpointReply>;
  alarm(at: { agentId: string; hostId: string }, alarm: AlarmRequest): Promise<void>;
}

export const hostSubject = (host: { hostId: string; hostName: string }): Subject => ({
  kind: 'host',
  id: host.hostId,
  name: host.hostName,
});

export const changeSubject = (change: { id: string; title: string }): Subject => ({
  kind: 'change',
  id: change.id,
  name: change.title,
});

/** Every host of the plan: a bulk action stands in each host's own history. */
export function hostsOf(plan: Pick<Plan, 'waves'>): Subject[] {
  return plan.waves.flatMap((wave) => wave.tasks).map(hostSubject);
}
