import { calculateJwkThumbprint, exportJWK, importJWK, SignJWT, type JWK } from 'jose';
import { createPrivateKey, randomUUID, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { replyError, type AuthorityAccess, type AuthorityKind } from './contract.ts';
import { ask } from './http.ts';

const SignReply = z.object({ crt: z.string(), ca: z.string(), certChain: z.array(z.string()).optional() });
const FoundReply = z.object({ certChain: z.array(z.string()).min(1) });
const Message = z.object({ message: z.string() });
/** RFC 5280 §5.3.1 */
const REASONS = { keyCompromise: 1 } as const;

/** smallstep's step-ca and what speaks its HTTP API, with a JWK provisioner. */
export const stepCa: AuthorityKind = {
  async issuers(access) {
    // Where there are intermediates they sign; small authorities sign with the root itself.
    const intermediates = await ask(access, 'GET', '/1.0/intermediates.pem');
    const found = intermediates.status < 300 ? pems(intermediates.text) : [];
    if (found.length > 0) return found;
    const roots = await ask(access, 'GET', '/roots.pem');
    if (roots.status >= 300) throw replyError(roots.status, `GET /roots.pem was answered with ${roots.status}`);
    return pems(roots.text);
  },

  async issue(access, csr, names) {
    const ott = await token(access, '/1.0/sign', names[0] ?? '', names);
    const reply = await ask(access, 'POST', '/1.0/sign', { csr, ott });
    if (reply.status >= 300) throw replyError(reply.status, messageOf(reply));
    const { crt, ca, certChain } = SignReply.parse(JSON.parse(reply.text));
    return (certChain?.length ? certChain : [crt, ca]).flatMap(pems).join('');
  },

  async revoke(access, serial, reason) {
    const decimal = BigInt(`0x${serial.replaceAll(':', '')}`).toString();
    const ott = await token(access, '/1.0/revoke', decimal);
    const body = { serial: decimal, ott, reasonCode: REASONS[reason], reason, passive: true };
    const reply = await ask(access, 'POST', '/1.0/revoke', body);
    if (reply.status < 300) return;
    const message = messageOf(reply);
    if (!/already revoked/i.test(message)) throw replyError(reply.status, message);
  },

  // step-ca keeps no such list; authorities that speak its API may.
  async find(access, spki) {
    const reply = await ask(access, 'GET', `/1.0/issued/${spki}`);
    if (reply.status >= 500 && reply.status !== 501) throw replyError(reply.status, messageOf(reply));
    if (reply.status >= 300) return null;
    return FoundReply.parse(JSON.parse(reply.text)).certChain.flatMap(pems).join('');
  },
};

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const pems = (text: string): string[] => [...text.matchAll(PEM)].map((match) => `${match[0]}\n`);

function messageOf({ status, text }: { status: number; text: string }): string {
  try {
    return `${Message.parse(JSON.parse(text)).message} (${status})`;
  } catch {
    return `it answered ${status}`;
  }
}

/** One-time token of the provisioner, for one purpose and these names (or this serial number). */
async function token(
  access: AuthorityAccess,
  path: string,
  subject: string,
  sans?: readonly string[],
): Promise<string> {
  const { key, kid, alg } = await readKey(access.key);
  return new SignJWT(sans ? { sans: [...sans] } : {})
    .setProtectedHeader({ alg, kid, typ: 'JWT' })
    .setIssuer(access.provisioner)
    .setAudience(`${access.url.replace(/\/+$/, '')}${path}`)
    .setSubject(subject)
    .setIssuedAt()
    .setNotBefore('-30s')
    .setExpirationTime('5m')
    .setJti(randomUUID())
    .sign(key);
}

type SigningKey = { key: Parameters<SignJWT['sign']>[0]; kid: string; alg: string };

/** PEM or JWK. step-ca finds the provisioner by `kid`, which is the key's thumbprint unless the JWK says otherwise. */
export async function readKey(text: string): Promise<SigningKey> {
  if (text.trimStart().startsWith('{')) {
    const jwk = JSON.parse(text) as JWK;
    const alg = jwk.alg ?? algorithmOf(createPrivateKey({ key: jwk as never, format: 'jwk' }));
    return { key: await importJWK(jwk, alg), kid: jwk.kid ?? (await calculateJwkThumbprint(jwk)), alg };
  }
  const key = createPrivateKey(text);
  return { key, kid: await calculateJwkThumbprint(await exportJWK(key)), alg: algorithmOf(key) };
}

const CURVES: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

function algorithmOf(key: KeyObject): string {
  const alg = key.asymmetricKeyType === 'ec' ? CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
  if (alg) return alg;
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  throw new Error(`keys of kind ${key.asymmetricKeyType ?? 'unknown'} are not used by provisioners`);
}
