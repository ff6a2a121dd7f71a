import { Name } from '@peculiar/x509';
import { constants, createPublicKey, verify } from 'node:crypto';
import { type Element, readElement, readElements } from '../../model/ber.ts';
import { plainSerial } from '../../model/serial.ts';

export interface ListExtension {
  type: string;
  critical: boolean;
  value: Buffer;
}

/** What a revocation list (RFC 5280 §5) says; nobody has looked yet whether it is signed. */
export interface ReadList {
  issuer: string;
  thisUpdate: Date;
  nextUpdate: Date | null;
  serials: ReadonlySet<string>;
  extensions: ListExtension[];
  /** DER of a SubjectPublicKeyInfo: did its key sign it? */
  isSignedBy(spki: Buffer): boolean;
}

const [SEQUENCE, INTEGER, OID, BOOLEAN, EXTENSIONS] = [0x30, 0x02, 0x06, 0x01, 0xa0];
const [UTC_TIME, GENERALIZED_TIME] = [0x17, 0x18];
const PSS = '1.2.840.113549.1.1.10';
/** Signature algorithms; null: the key says it. Own authorities still sign lists with SHA-1. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.5': 'sha1',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
  '1.3.101.113': null,
};
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/**
 * Reads one without a tree of all that is in it: the libraries for that give up after some thousand entries, or take
 * gigabytes. Throws an Error in plain words.
 */
export function readList(der: Buffer): ReadList {
  const whole = need(readElement(der)?.element, SEQUENCE).body;
  const first = readElement(whole);
  const signed = need(first?.element, SEQUENCE);
  const [algorithm, signature] = readElements(first!.rest, 2);
  const parts = readElements(signed.body, 8);
  if (parts[0]?.tag === INTEGER) parts.shift();
  const [, issuer, from] = parts;
  const later = parts.slice(3);
  const next = isTime(later[0]) ? later.shift() : undefined;
  const entries = later[0]?.tag === SEQUENCE ? later.shift()!.body : Buffer.alloc(0);
  const extensions = later[0]?.tag === EXTENSIONS ? readElements(readElements(later[0].body, 1)[0]!.body) : [];
  const bytes = whole.subarray(0, whole.length - first!.rest.length);
  // The first byte of a bit string counts the bits that are left over.
  const bits = need(signature, 0x03).body.subarray(1);
  return {
    issuer: new Name(derOf(signed.body, need(issuer, SEQUENCE))).toString(),
    thisUpdate: timeOf(from),
    nextUpdate: next ? timeOf(next) : null,
    serials: serialsIn(entries),
    extensions: extensions.map(extensionOf),
    isSignedBy: (spki) => {
      try {
        return isSigned({ algorithm: need(algorithm, SEQUENCE), bytes, bits }, spki);
      } catch {
        // A key of another kind.
        return false;
      }
    },
  };
}

function need(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new Error('it is no revocation list');
  return element;
}

const isTime = (element: Element | undefined): boolean =>
  element?.tag === UTC_TIME || element?.tag === GENERALIZED_TIME;

/** The bytes of an element of `outer`, with its header. */
function derOf(outer: Buffer, { body }: Element): Uint8Array<ArrayBuffer> {
  for (let rest = outer, next = readElement(rest); next; rest = next.rest, next = readElement(rest))
    if (next.element.body.byteOffset === body.byteOffset)
      return new Uint8Array(rest.subarray(0, rest.length - next.rest.length));
  throw new Error('it is no revocation list');
}

/** `YYMMDDHHMMSSZ`, from 1950 on, or `YYYYMMDDHHMMSSZ`. */
function timeOf(element: Element | undefined): Date {
  const text = isTime(element) ? element!.body.toString('latin1') : '';
  const full = element?.tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  const time = parts ? Date.parse(`${parts.slice(1, 4).join('-')}T${parts.slice(4).join(':')}Z`) : Number.NaN;
  if (Number.isNaN(time)) throw new Error('it has no time that can be read');
  return new Date(time);
}

/** One after the other: such a list may have a million. What is no entry makes it one that cannot be believed. */
function serialsIn(entries: Buffer): Set<string> {
  const serials = new Set<string>();
  for (let rest = entries; rest.length > 0;) {
    const next = readElement(rest);
    const serial = need(readElement(need(next?.element, SEQUENCE).body)?.element, INTEGER);
    serials.add(plainSerial(serial.body.toString('hex')));
    rest = next!.rest;
  }
  return serials;
}

function extensionOf(element: Element): ListExtension {
  const parts = readElements(element.body, 3);
  const value = parts.at(-1)?.body ?? Buffer.alloc(0);
  return { type: dotted(parts[0]), critical: parts[1]?.tag === BOOLEAN && parts[1].body[0] !== 0, value };
}

function dotted(element: Element | undefined): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of need(element, OID).body) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0;
    }
  }
  const [first = 0, ...others] = numbers;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...others].join('.');
}

function isSigned({ algorithm, bytes, bits }: { algorithm: Element; bytes: Buffer; bits: Buffer }, spki: Buffer) {
  const [kind, settings] = readElements(algorithm.body, 2);
  const type = dotted(kind);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  if (type !== PSS) return type in DIGESTS && verify(DIGESTS[type], bytes, key, bits);
  const hash = settings && readElements(settings.body).find(({ tag }) => tag === 0xa0);
  const digest = hash ? HASHES[dotted(readElements(readElements(hash.body)[0]?.body ?? Buffer.alloc(0))[0])] : 'sha1';
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return digest !== undefined && verify(digest, bytes, { key, ...padding }, bits);
}
