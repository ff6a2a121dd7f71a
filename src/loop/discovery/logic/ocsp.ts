import { verify, X509Certificate } from 'node:crypto';
import { type Element, readElement, readElements } from '../../../scan/logic/ber.ts';

export interface OcspVerdict {
  status: 'good' | 'revoked' | 'unknown';
  /** when the responder knew that */
  at: string;
}

const SEQUENCE = 0x30;
const NEXT_UPDATE = 0xa0;
const SUCCESSFUL = 0;
const SKEW_MS = 5 * 60_000;
/** A response that does not say how long it holds. */
const HOLDS_MS = 7 * 86_400_000;
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const STATUS: Readonly<Record<number, OcspVerdict['status']>> = { 0x80: 'good', 0xa1: 'revoked', 0x82: 'unknown' };
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
 */
export function readOcsp(
  der: Buffer,
  { leaf, issuer }: { leaf: Buffer; issuer: Buffer },
  now: Date,
): OcspVerdict | null {
  try {
    const basic = basicOf(der);
    const single = basic && singleOf(basic.data, new X509Certificate(leaf).serialNumber);
    if (!single || !holds(single, now)) return null;
    return isSigned(basic, { leaf: new X509Certificate(leaf), issuer: new X509Certificate(issuer), now })
      ? single.verdict
      : null;
  } catch {
    // Bytes of strangers: what does not parse says nothing.
    return null;
  }
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
  until: number | null;
}

function singleOf(data: Element, serial: string): Single | null {
  const list = readElements(data.body).findLast(({ tag }) => tag === SEQUENCE);
  const ours = readElements(list?.body ?? Buffer.alloc(0)).find(
    ({ body }) => plain(part(part(body, 0).body, 3).body.toString('hex')) === plain(serial),
  );
  const status = ours && STATUS[part(ours.body, 1).tag];
  if (!ours || !status) return null;
  const from = timeOf(part(ours.body, 2));
  const next = readElements(ours.body)[3];
  const until = next?.tag === NEXT_UPDATE ? timeOf(part(next.body, 0)) : null;
  return { verdict: { status, at: new Date(from).toISOString() }, from, until };
}

const plain = (hex: string): string => hex.toLowerCase().replace(/^0+/, '');

function timeOf({ body }: Element): number {
  const text = body.toString('latin1');
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  return parts ? Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`) : Number.NaN;
}

const holds = ({ from, until }: Single, now: Date): boolean =>
  from <= now.getTime() + SKEW_MS && (until ?? from + HOLDS_MS) >= now.getTime();

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
