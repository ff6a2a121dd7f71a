import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { Assignment, Release } from '../../../model/agent.ts';
import type { AnyHostStep } from '../../steps/index.ts';
import type { Step } from '../../../model/kit.ts';
import type { Approval, ApproverKey, Plan } from '../../../model/plan.ts';
import { canonicalHash, canonicalText } from '../../canonical.ts';
import { keyIdOf } from '../verify.ts';

/** Somebody with an approver's key. For tests only. */
export interface Person {
  pinned: ApproverKey;
  approve(plan: Plan | Release, more?: Partial<Approval['statement']>): Approval;
}

export function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url');
}

export function newPerson(person: string): Person {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = rawKey(publicKey);
  const pinned = { keyId: keyIdOf(raw), person, name: person, publicKey: raw.toString('base64') };
  return {
    pinned,
    approve: (plan, more = {}) => {
      const statement: Approval['statement'] = {
        type: 'lastember/approval/v1',
        changeId: plan.changeId,
        plan: canonicalHash(plan),
        keyId: pinned.keyId,
        approvedAt: new Date().toISOString(),
        ...more,
      };
      return { statement, signature: sign(null, Buffer.from(canonicalText(statement)), privateKey).toString('base64') };
    },
  };
}

const HOUR = 3_600_000;

export function newPlan(agentId: string, steps: (Step | AnyHostStep)[], more: Partial<Plan> = {}): Plan {
  const now = Date.now();
  const task = {
    id: 'task_1',
    hostId: 'host_1',
    hostName: 'shop',
    agentId,
    findings: [],
    relies: [],
    steps: steps as Step[],
    rollback: 'undo' as const,
    health: [],
  };
  return {
    type: 'lastember/plan/v1',
    changeId: 'change_1',
    author: 'user_author',
    kit: { id: 'heartbleed', version: '1.0.0', digest: '0'.repeat(64) },
    nonce: Math.random().toString(36),
    notBefore: new Date(now - HOUR).toISOString(),
    notAfter: new Date(now + HOUR).toISOString(),
    approvalsRequired: 1,
    abortAfterFailures: 0,
    waves: [{ name: 'canary', canary: true, tasks: [task] }],
    impact: { hosts: [], packages: [], files: [], restarts: [], affectedHosts: [], summary: '' },
    ...more,
  };
}

export function assign(plan: Plan, approvals: Approval[], more: Partial<Assignment> = {}): Assignment {
  return {
    id: `asg_${Math.random().toString(36).slice(2)}`,
    taskId: 'task_1',
    mode: 'apply',
    from: 0,
    to: plan.waves[0]!.tasks[0]!.steps.length,
    plan: canonicalText(plan),
    digest: canonicalHash(plan),
    approvals,
    inputs: {},
    ...more,
  };
}
