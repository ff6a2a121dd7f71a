import 'reflect-metadata';
import { randomBytes, X509Certificate } from 'node:crypto';
import { AuthorityInfoAccessExtension, X509Certificate as Parsed } from '@peculiar/x509';
import { download } from '../../../platform/http/outgoing.ts';
import { ocspRequest, type Pair, readOcsp } from '../../../platform/pki/ocsp.ts';
import type { RevocationLists } from '../../../platform/pki/revocation-list.ts';
import { type Ports, urlProblem } from '../logic/authority-url.ts';
import type { Answer } from '../logic/revocation.ts';
import type { Served } from './store.ts';
import type { Trusted } from './trusted.ts';

const TIMEOUT_MS = 10_000;
const LONGEST_RESPONSE = 64 * 1024;
const NONCE_BYTES = 16;
const MOST_URLS = 3;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

export interface Asker {
  lists: RevocationLists;
  refuses(address: string): string | null;
  ports: Ports;
  /** null: whatever authority made a certificate is asked */
  trusted: Trusted | null;
  /** waits until one more request may be sent */
  pace(): Promise<void>;
  now(): Date;
}

export interface Asked {
  answer: Answer | { why: string };
  /** PEM, as far as it is known now */
  issuer: string | null;
}

/** Whoever can revoke this certificate is asked: responders first, since they say it of one, then lists. */
export async function askAbout(asker: Asker, served: Served): Promise<Asked> {
  const { trusted } = asker;
  if (trusted && !trusted.has(shown(served), asker.now()))
    return { answer: { why: STRANGER }, issuer: served.issuerPem };
  const issuer = signerOf(served) ?? (await fetchIssuer(asker, served.pem));
  if (issuer === null) return { answer: { why: 'nobody showed the certificate of its issuer' }, issuer };
  const reasons: string[] = [];
  const ways = [
    ...served.ocspUrls.slice(0, MOST_URLS).map((url) => () => askResponder(asker, url, served.pem, issuer)),
    ...served.crlUrls.slice(0, MOST_URLS).map((url) => () => readList(asker, url, served.pem, issuer)),
  ];
  for (const way of ways) {
    const answer = await way();
    if (!('why' in answer)) return { answer, issuer };
    reasons.push(answer.why);
  }
  return { answer: { why: reasons.join('; ').slice(0, 500) }, issuer };
}

const STRANGER =
  'no authority of the system’s trust store, or that was added (LASTEMBER_REVOCATION_AUTHORITIES), is above it, as far as the server shows, so nobody is asked';

const shown = ({ pem, issuerPem, chain }: Served): string[] => [
  pem,
  ...(issuerPem === null ? [] : [issuerPem, ...chain]),
];

/** What was shown as its issuer, if it did sign. */
function signerOf({ pem, issuerPem }: Served): string | null {
  if (issuerPem === null) return null;
  const [leaf, issuer] = [new X509Certificate(pem), new X509Certificate(issuerPem)];
  return leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey) ? issuerPem : null;
}

const raw = (pem: string): Buffer => new X509Certificate(pem).raw;

/** By GET: it changes nothing at whatever a stranger's certificate sends us to. */
async function askResponder(
  asker: Asker,
  url: string,
  leaf: string,
  issuer: string,
): Promise<Answer | { why: string }> {
  const failed = (why: string) => ({ why: `OCSP responder ${url}: ${why}` });
  const problem = urlProblem(url, asker.ports);
  if (problem !== null) return failed(problem);
  const pair: Pair = { leaf: raw(leaf), issuer: raw(issuer) };
  const nonce = randomBytes(NONCE_BYTES);
  const question = encodeURIComponent(ocspRequest(pair, nonce).toString('base64'));
  try {
    const bytes = await get(asker, `${url.replace(/\/$/, '')}/${question}`, LONGEST_RESPONSE);
    const said = readOcsp(Buffer.from(bytes), pair, asker.now(), nonce);
    if (!said)
      return failed('its answer is not one that counts: not signed by the issuer, not in its time, or not ours');
    if (said.status === 'unknown') return failed('it does not know the certificate');
    return {
      status: said.status,
      source: `OCSP responder ${url}`,
      asOf: new Date(said.at),
      until: new Date(said.until),
    };
  } catch (error) {
    return failed((error as Error).message);
  }
}

async function readList(asker: Asker, url: string, leaf: string, issuer: string): Promise<Answer | { why: string }> {
  const failed = (why: string) => ({ why: `revocation list ${url}: ${why}` });
  const problem = urlProblem(url, asker.ports);
  if (problem !== null) return failed(problem);
  const now = asker.now();
  const issuers = [{ pem: issuer, subject: '' }];
  if (!asker.lists.has(url, hourBefore(now))) await asker.pace();
  const list = await asker.lists.read(url, issuers, now, hourBefore(now));
  if ('why' in list) return failed(list.why);
  const revoked = list.has(new X509Certificate(leaf).serialNumber);
  if (!revoked && list.partial !== null) return failed(list.partial);
  const asOf = new Date(list.thisUpdate);
  const until = list.nextUpdate ? new Date(list.nextUpdate) : new Date(asOf.getTime() + WEEK_MS);
  return { status: revoked ? 'revoked' : 'good', source: `revocation list ${url}`, asOf, until };
}

const hourBefore = (now: Date): Date => new Date(now.getTime() - HOUR_MS);

/** From where the certificate says; believed for its signature on the certificate. */
async function fetchIssuer(asker: Asker, pem: string): Promise<string | null> {
  const leaf = new X509Certificate(pem);
  const access = new Parsed(pem).getExtension(AuthorityInfoAccessExtension);
  const urls = (access?.caIssuers ?? []).filter(
    ({ type, value }) => type === 'url' && urlProblem(value, asker.ports) === null,
  );
  for (const { value } of urls.slice(0, MOST_URLS)) {
    try {
      const issuer = new X509Certificate(await get(asker, value, LONGEST_RESPONSE));
      if (leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey)) return issuer.toString();
    } catch {
      // The next one may have it; without any, that is said.
    }
  }
  return null;
}

async function get({ pace, refuses }: Asker, url: string, limit: number): Promise<Uint8Array> {
  await pace();
  const { status, bytes } = await download(url, { timeoutMs: TIMEOUT_MS, limit, refuses });
  if (status !== 200) throw new Error(`its server answered ${status}`);
  return bytes;
}
