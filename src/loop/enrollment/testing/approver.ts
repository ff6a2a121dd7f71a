import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { canonicalText } from '../../../host/canonical.ts';
import type { Actor } from '../../../model/actor.ts';
import type { Approval, ApproverKey } from '../../../model/plan.ts';
import { keyIdOf } from '../../../platform/approval.ts';

/** Somebody with a key of their own, who signs what they are asked to. For tests only. */
export class Approver {
  readonly actor: Actor;
  readonly key: ApproverKey;
  readonly #secret: KeyObject = generateKeyPairSync('ed25519').privateKey;

  constructor(name: string, role: Actor['role'] = 'approver') {
    this.actor = { kind: 'user', id: `user_${name}`, name, ...(role ? { role } : {}) };
    const raw = Buffer.from(createPublicKey(this.#secret).export({ format: 'jwk' }).x!, 'base64url');
    this.key = { keyId: keyIdOf(raw), person: this.actor.id, name, publicKey: raw.toString('base64') };
  }

  sign(changeId: string, plan: string, at: Date): Approval {
    const base = { type: 'lastember/approval/v1' as const, changeId, plan };
    const statement = { ...base, keyId: this.key.keyId, approvedAt: at.toISOString() };
    return { statement, signature: sign(null, Buffer.from(canonicalText(statement)), this.#secret).toString('base64') };
  }
}
