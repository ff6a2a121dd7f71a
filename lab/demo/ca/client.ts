import { importJWK, SignJWT, type JWK } from 'jose';
import { randomUUID } from 'node:crypto';

/** What the demo needs to use its own authority when it builds hosts, as any client of step-ca would. */
export interface Authority {
  url: string;
  tlsUrl: string;
  /** PEM */
  root: string;
  provisioner: string;
  provisionerKey: JWK;
}

export async function oneTimeToken(
  authority: Authority,
  path: '/sign' | '/revoke',
  subject: string,
  sans?: string[],
): Promise<string> {
  const key = await importJWK(authority.provisionerKey, 'ES256');
  return new SignJWT(sans ? { sans } : {})
    .setProtectedHeader({ alg: 'ES256', kid: authority.provisionerKey.kid ?? '', typ: 'JWT' })
    .setIssuer(authority.provisioner)
    .setAudience(`${authority.url}/1.0${path}`)
    .setSubject(subject)
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('5m')
    .setJti(randomUUID())
    .sign(key);
}

export async function signRequest(authority: Authority, csr: string, names: string[]): Promise<string> {
  const ott = await oneTimeToken(authority, '/sign', names[0]!, names);
  const { crt } = await post(authority, '/1.0/sign', { csr, ott });
  return crt as string;
}

export async function revokeSerial(authority: Authority, serial: string): Promise<void> {
  const ott = await oneTimeToken(authority, '/revoke', serial);
  await post(authority, '/1.0/revoke', { serial, ott, reasonCode: 1, reason: 'keyCompromise', passive: true });
}

async function post(authority: Authority, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${authority.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const reply = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`The demo's authority answered ${response.status}: ${String(reply['message'])}`);
  return reply;
}
