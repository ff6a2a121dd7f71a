import { createHash, verify, X509Certificate } from 'node:crypto';
import { element, type Element, readElement, readElements } from '../../model/ber.ts';
import { plainSerial } from '../../model/serial.ts';

export interface OcspVerdict {
  status: 'good' | 'revoked' | 'unknown';
  /** when the responder knew that */
  at: string;
  /** until when it holds */
  until: string;
}

/** Whose certificate it is about, both as DER. */
export interface Pair {
  leaf: Buffer;
  issuer: Buffer;
}

const SEQUENCE = 0x30;
const NEXT_UPDATE = 0xa0;
const SUCCESSFUL = 0;
const SKEW_MS = 5 * 60_000;
/** A response that does not say how long it holds. */
const HOLDS_MS = 7 * 86_400_000;
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const STATUS: Readonly<Record<number, OcspVerdict['status']>> = { 0x80: 'good', 0xa1: 'revoked', 0x82: 'unknown' };
const NONCE = '2b0601050507300102';
const RESPONSE_EXTENSIONS = 0xa1;
/** What the names and keys in a CertID are hashed with, by the hex of its identifier. */
const HASHES: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};
/** Signature algorithms by the hex of their identifier. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};

/**
 * What an OCSP response (RFC 6960) says of `leaf`: believed with the signature of its issuer, or of a responder that the
 * issuer appointed, and while it holds. Null: it says nothing that counts. As trustworthy as the chain that it came with.
 * `nonce`: what was asked with; a response that names another is an answer to somebody else.
 */
export function readOcsp(der: Buffer, { leaf, issuer }: Pair, now: Date, nonce?: Buffer): OcspVerdict | null {
  try {
    const basic = basicOf(der);
    const chain = { leaf: new X509Certificate(leaf), issuer: new X509Certificate(issuer), now };
    const single = basic && singleOf(basic.data, chain);
    if (!single || !holds(single, now)) return null;
    if (nonce && !isAnswerTo(basic.data, nonce)) return null;
    return isSigned(basic, chain) ? single.verdict : null;
  } catch {
    // Bytes of strangers: what does not parse says nothing.
    return null;
  }
}

/** The question about one certificate, with SHA-1 as all responders know it (RFC 5019): it only names the issuer. */
export function ocspRequest({ leaf, issuer }: Pair, nonce: Buffer): Buffer {
  const [of, by] = [new X509Certificate(leaf), new X509Certificate(issuer)];
  const { name, key } = issuerParts(by);
  const hex = of.serialNumber.length % 2 === 0 ? of.serialNumber : `0${of.serialNumber}`;
  const serial = Buffer.from(hex, 'hex');
  const algorithm = element(SEQUENCE, element(0x06, Buffer.from('2b0e03021a', 'hex')), element(0x05));
  const id = element(
    SEQUENCE,
    algorithm,
    element(0x04, sha('sha1', name)),
    element(0x04, sha('sha1', key)),
    // A first bit that is set would make it negative.
    element(0x02, (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), serial]) : serial),
  );
  const extension = element(SEQUENCE, element(0x06, Buffer.from(NONCE, 'hex')), element(0x04, element(0x04, nonce)));
  const list = element(SEQUENCE, element(SEQUENCE, id));
  return element(SEQUENCE, element(SEQUENCE, list, element(0xa2, element(SEQUENCE, extension))));
}

const sha = (hash: string, bytes: Buffer): Buffer => createHash(hash).update(bytes).digest();

/** The name of an issuer as it stands in its certificate, and the bits of its key (RFC 6960 §4.1.1). */
function issuerParts(issuer: X509Certificate): { name: Buffer; key: Buffer } {
  const tbs = part(part(issuer.raw, 0).body, 0).body;
  // Version (where there is one), serial number, algorithm, issuer, validity, subject, key.
  const first = part(tbs, 0).tag === 0xa0 ? 1 : 0;
  const { body } = part(tbs, first + 4);
  const name = tbs.subarray(body.byteOffset - tbs.byteOffset, body.byteOffset - tbs.byteOffset + body.length);
  const bits = part(part(tbs, first + 5).body, 1).body;
  return { name: element(SEQUENCE, name), key: bits.subarray(1) };
}

/** No nonce at all is what responders say that sign beforehand. */
function isAnswerTo(data: Element, nonce: Buffer): boolean {
  const parts = readElements(data.body);
  // After the answers: the name of the responder, which comes before them, has the same tag.
  const list = parts.slice(parts.findLastIndex(({ tag }) => tag === SEQUENCE) + 1)[0];
  const extensions = list?.tag === RESPONSE_EXTENSIONS ? readElements(part(list.body, 0).body) : [];
  const said = extensions.find(({ body }) => part(body, 0).body.toString('hex') === NONCE);
  const value = said && readElements(said.body).at(-1)!.body;
  return value === undefined || nonce.equals(part(value, 0).body);
}

interface Basic {
  data: Element;
  /** the bytes that are signed */
  signed: Buffer;
  algorithm: string;
  signature: Buffer;
  certificates: X509Certificate[];
}

/** Throws where there is none: whoever asks takes that for a response that says nothing. */
function part(bytes: Buffer, index: number): Element {
  const found = readElements(bytes)[index];
  if (!found) throw new Error('a part of the response is missing');
  return found;
}

function basicOf(der: Buffer): Basic | null {
  const response = part(der, 0).body;
  if (part(response, 0).body[0] !== SUCCESSFUL) return null;
  const octets = part(part(part(response, 1).body, 0).body, 1);
  const whole = part(octets.body, 0).body;
  const first = readElement(whole);
  if (!first) return null;
  const [algorithm, signature, certificates] = [part(first.rest, 0), part(first.rest, 1), readElements(first.rest)[2]];
  return {
    data: first.element,
    signed: whole.subarray(0, whole.length - first.rest.length),
    algorithm: part(algorithm.body, 0).body.toString('hex'),
    // The first byte of a bit string counts the bits that are left over.
    signature: signature.body.subarray(1),
    certificates: certificates ? certificatesIn(certificates) : [],
  };
}

function certificatesIn({ body }: Element): X509Certificate[] {
  const found: X509Certificate[] = [];
  let rest = readElement(body)?.element.body ?? Buffer.alloc(0);
  for (let next = readElement(rest); next && found.length < 5; next = readElement(rest)) {
    found.push(new X509Certificate(rest.subarray(0, rest.length - next.rest.length)));
    rest = next.rest;
  }
  return found;
}

interface Single {
  verdict: OcspVerdict;
  from: number;
  until: number;
}

function singleOf(data: Element, { leaf, issuer }: Chain): Single | null {
  const list = readElements(data.body).findLast(({ tag }) => tag === SEQUENCE);
  const ours = readElements(list?.body ?? Buffer.alloc(0)).find(({ body }) =>
    isAbout(part(body, 0).body, leaf.serialNumber, issuer),
  );
  const status = ours && STATUS[part(ours.body, 1).tag];
  if (!ours || !status) return null;
  const from = timeOf(part(ours.body, 2));
  const next = readElements(ours.body)[3];
  const until = next?.tag === NEXT_UPDATE ? timeOf(part(next.body, 0)) : from + HOLDS_MS;
  const [at, holding] = [from, until].map((time) => new Date(time).toISOString()) as [string, string];
  return { verdict: { status, at, until: holding }, from, until };
}

/** A CertID names the issuer by its name and by its key: two authorities may have given out one serial number. */
function isAbout(id: Buffer, serial: string, issuer: X509Certificate): boolean {
  const hash = HASHES[part(part(id, 0).body, 0).body.toString('hex')];
  if (hash === undefined || plainSerial(part(id, 3).body.toString('hex')) !== plainSerial(serial)) return false;
  const { name, key } = issuerParts(issuer);
  return part(id, 1).body.equals(sha(hash, name)) && part(id, 2).body.equals(sha(hash, key));
}

function timeOf({ body }: Element): number {
  const text = body.toString('latin1');
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  return parts ? Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`) : Number.NaN;
}

const holds = ({ from, until }: Single, now: Date): boolean =>
  from <= now.getTime() + SKEW_MS && until >= now.getTime();

interface Chain {
  leaf: X509Certificate;
  issuer: X509Certificate;
  now: Date;
}

const isValidAt = ({ validFrom, validTo }: X509Certificate, now: Date): boolean =>
  Date.parse(validFrom) <= now.getTime() + SKEW_MS && Date.parse(validTo) >= now.getTime();

function isSigned(basic: Basic, { leaf, issuer, now }: Chain): boolean {
  if (!(basic.algorithm in DIGESTS) || !leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey)) return false;
  const appointed = basic.certificates.filter(
    (one) => one.keyUsage?.includes(OCSP_SIGNING) && isValidAt(one, now) && one.verify(issuer.publicKey),
  );
  const digest = DIGESTS[basic.algorithm];
  return [issuer, ...appointed].some((one) => {
    try {
      return verify(digest, basic.signed, one.publicKey, basic.signature);
    } catch {
      return false;
    }
  });
}
