import 'reflect-metadata';
import { X509Certificate } from '@peculiar/x509';
import { createHash } from 'node:crypto';
import { plainSerial } from '../../model/serial.ts';
import { download } from '../http/outgoing.ts';
import { type ReadList, readList } from './list-reader.ts';
import { whyPartial, whyUnusable } from './list-scope.ts';

const TIMEOUT_MS = 10_000;
const LIMIT = 64 * 1024 * 1024;
const CLOCK_SKEW_MS = 5 * 60_000;

export interface RevocationList {
  issuer: string;
  /** key that signed it; null when no configured issuer did */
  issuerSpki: string | null;
  signatureChecked: boolean;
  thisUpdate: string;
  nextUpdate: string | null;
  /** why a certificate that is not in it may be revoked all the same; null: whatever its issuer revoked is in it */
  partial: string | null;
  has(serial: string): boolean;
}

/** Where one may ask, and how much may come of it. */
export interface Reach {
  /** why this address may not be connected to, or null; without it, every one may */
  refuses?: (address: string) => string | null;
  limit?: number;
}

/** Lists that are remembered, and fetched at the same time. */
const KEPT = 100;
const LANES = 4;

/** Lists as they were fetched lately: whoever asks for one while it is fetched, or soon after, gets the same. */
export class RevocationLists {
  #fetched = new Map<string, { at: number; list: ReturnType<typeof readRevocationList> }>();
  readonly #reach: Reach;
  readonly #kept: number;

  constructor(reach: Reach = {}, kept = KEPT) {
    this.#reach = reach;
    this.#kept = kept;
  }

  /** Was it fetched at `since` or later? */
  has(url: string, since: Date): boolean {
    return (this.#fetched.get(url)?.at ?? -1) >= since.getTime();
  }

  /** As it was at `since` or later. */
  read(
    url: string,
    issuers: readonly { pem: string; subject: string }[],
    now: Date,
    since: Date,
  ): ReturnType<typeof readRevocationList> {
    const known = this.#fetched.get(url);
    if (known && known.at >= since.getTime()) return known.list;
    const list = readRevocationList(url, issuers, now, this.#reach);
    this.#fetched.delete(url);
    this.#fetched.set(url, { at: now.getTime(), list });
    const [oldest] = this.#fetched.keys();
    if (this.#fetched.size > this.#kept && oldest !== undefined) this.#fetched.delete(oldest);
    return list;
  }

  /** Several of them, a few at a time. */
  async readAll(
    urls: readonly string[],
    issuers: readonly { pem: string; subject: string }[],
    now: Date,
    since: Date,
  ): Promise<Map<string, RevocationList>> {
    const found = new Map<string, RevocationList>();
    const waiting = [...new Set(urls)];
    const lane = async (): Promise<void> => {
      for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
        const list = await this.read(url, issuers, now, since);
        if (!('why' in list)) found.set(url, list);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return found;
  }
}

/** Fetches a list and believes it only with the signature of a known issuer. The address comes out of a certificate. */
export async function readRevocationList(
  url: string,
  issuers: readonly { pem: string; subject: string }[],
  now: Date,
  reach: Reach = {},
): Promise<RevocationList | { why: string }> {
  try {
    const crl = readList(derOf(await fetched(url, reach)));
    const signer = signerOf(crl, issuers);
    if (signer === null) return { why: 'no configured authority signed it' };
    if (crl.thisUpdate.getTime() > now.getTime() + CLOCK_SKEW_MS) return { why: 'it is from the future' };
    if (crl.nextUpdate && crl.nextUpdate.getTime() < now.getTime()) {
      return { why: `it is out of date since ${crl.nextUpdate.toISOString()}` };
    }
    const unusable = whyUnusable(crl);
    if (unusable !== null) return { why: unusable };
    return {
      issuer: crl.issuer,
      issuerSpki: signer,
      signatureChecked: true,
      thisUpdate: crl.thisUpdate.toISOString(),
      nextUpdate: crl.nextUpdate?.toISOString() ?? null,
      partial: whyPartial(crl, url),
      has: (serial) => crl.serials.has(plainSerial(serial)),
    };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

async function fetched(url: string, { refuses, limit = LIMIT }: Reach): Promise<Uint8Array> {
  if (!/^https?:\/\//i.test(url)) throw new Error('it is not at an http or https address');
  const { status, bytes } = await download(url, { timeoutMs: TIMEOUT_MS, limit, refuses });
  if (status !== 200) throw new Error(`its server answered ${status}`);
  return bytes;
}

/** Some serve it as PEM, against RFC 5280. */
function derOf(bytes: Uint8Array): Buffer {
  const buffer = Buffer.from(bytes);
  if (!buffer.subarray(0, 11).equals(Buffer.from('-----BEGIN '))) return buffer;
  return Buffer.from(buffer.toString('latin1').replaceAll(/-----[^-]+-----|\s+/g, ''), 'base64');
}

/** SHA-256 of the key of the configured issuer whose signature is on it. */
function signerOf(crl: ReadList, issuers: readonly { pem: string }[]): string | null {
  for (const { pem } of issuers) {
    const certificate = new X509Certificate(pem);
    const key = Buffer.from(certificate.publicKey.rawData);
    if (certificate.subject !== crl.issuer || !crl.isSignedBy(key)) continue;
    return createHash('sha256').update(key).digest('hex');
  }
  return null;
}
