import canonicalize from 'canonicalize';
import { readFile } from 'node:fs/promises';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { Client } from '../client/client.ts';
import { NotToSign } from '../client/plan-to-sign.ts';
import type { Approval, ApprovalStatement } from '../model/plan.ts';
import { UsageError } from './exit.ts';

/** Signs the canonical bytes (RFC 8785) of the approval statement with an Ed25519 key from a PKCS#8 PEM. */
export function signApproval(pem: string, changeId: string, plan: string, at: Date): Approval {
  const key = readKey(pem);
  const statement: ApprovalStatement = {
    type: 'lastember/approval/v1',
    changeId,
    plan,
    keyId: keyIdOf(pem),
    approvedAt: at.toISOString(),
  };
  const bytes = Buffer.from(canonicalize(statement)!);
  return { statement, signature: sign(null, bytes, key).toString('base64') };
}

/** What the server knows this key by. */
export function keyIdOf(pem: string): string {
  const { x } = createPublicKey(readKey(pem)).export({ format: 'jwk' });
  return createHash('sha256').update(Buffer.from(x!, 'base64url')).digest('hex').slice(0, 16);
}

/** Refuses what the server would refuse, before anybody has read a plan for nothing. */
export async function mayApprove(
  client: Client,
  asked: { author: string; state: string },
  keyId: string,
  what = 'change',
): Promise<void> {
  const [keys, me] = await Promise.all([client.listKeys(), client.me()]);
  const key = keys.items.find((one) => one.keyId === keyId);
  if (!key)
    throw new NotToSign(
      `key ${keyId} is not registered with this server, so its signature would be refused: use your own, or make one with \`lastember key new NAME\``,
    );
  if (key.revoked) throw new NotToSign(`key ${keyId} was revoked`);
  if (key.person !== me.id)
    throw new NotToSign(
      `key ${keyId} belongs to ${key.personName}, and you are here as ${me.name}: set LASTEMBER_TOKEN to a token of ${key.personName}, or use a key of ${me.name}`,
    );
  if (key.person === asked.author)
    throw new NotToSign(`${me.name} asked for this ${what}, and nobody approves a ${what} of their own`);
  if (asked.state !== 'awaiting-approval')
    throw new NotToSign(
      `the ${what} is ${asked.state.replace('-', ' ')}: only one that waits for approval is approved`,
    );
}

/** The text of a key file that was named with `--key`. */
export async function readKeyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`the key file ${file} cannot be read: ${(cause as Error).message}`);
  });
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
