import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, jwtVerify, type JWK } from 'jose';
import * as z from 'zod';

/** A JWK provisioner as step-ca has it: whoever holds its private key may ask for certificates and revocations. */
export interface Provisioner {
  name: string;
  publicKey: JWK;
  /** with private part, for the one who is to use it */
  privateKey: JWK;
}

export async function createProvisioner(name: string): Promise<Provisioner> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const publicKey = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicKey);
  const common = { use: 'sig', alg: 'ES256', kid };
  return {
    name,
    publicKey: { ...publicKey, ...common },
    privateKey: { ...(await exportJWK(pair.privateKey)), ...common },
  };
}

const Claims = z.object({ sub: z.string().min(1), sans: z.array(z.string()).optional(), jti: z.string().min(8) });
export type Claims = z.infer<typeof Claims>;

/** Checks one-time tokens: signature, issuer, audience, times, and that none is used twice. */
export function tokenChecker(provisioner: Provisioner): (token: string, audiences: string[]) => Promise<Claims> {
  const used = new Map<string, number>();
  return async (token, audience) => {
    const key = await importJWK(provisioner.publicKey, 'ES256');
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['ES256'],
      issuer: provisioner.name,
      audience,
      requiredClaims: ['exp', 'nbf', 'iat', 'jti', 'sub'],
      clockTolerance: 60,
      maxTokenAge: '10m',
    });
    const claims = Claims.parse(payload);
    const now = Date.now() / 1000;
    for (const [id, until] of used) if (until < now - 60) used.delete(id);
    if (used.has(claims.jti)) throw new Error('token already used');
    used.set(claims.jti, payload.exp!);
    return claims;
  };
}
