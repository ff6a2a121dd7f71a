import canonicalize from 'canonicalize';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { Approval, ApprovalStatement } from '../model/plan.ts';
import { UsageError } from './exit.ts';

/** Signs the canonical bytes (RFC 8785) of the approval statement with an Ed25519 key from a PKCS#8 PEM. */
export function signApproval(pem: string, changeId: string, plan: string, at: Date): Approval {
  const key = readKey(pem);
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  const keyId = createHash('sha256').update(Buffer.from(x!, 'base64url')).digest('hex').slice(0, 16);
  const statement: ApprovalStatement = {
    type: 'lastember/approval/v1',
    changeId,
    plan,
    keyId,
    approvedAt: at.toISOString(),
  };
  const bytes = Buffer.from(canonicalize(statement)!);
  return { statement, signature: sign(null, bytes, key).toString('base64') };
}

function readKey(pem: string): ReturnType<typeof createPrivateKey> {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // said below
  }
  throw new UsageError(
    'the key file holds no Ed25519 private key in PKCS#8 PEM; make one with `lastember key new NAME`',
  );
}
