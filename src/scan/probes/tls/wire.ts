import { randomBytes } from 'node:crypto';
import { TlsVersion } from '../../../model/probe.ts';

/**
 * Just enough TLS to ask what today's libraries can no longer ask: hellos for SSLv3 to TLS 1.3, with the heartbeat
 * extension (RFC 6520). Nothing here is secret or secure; no key is ever agreed upon.
 */
export const RECORD = { alert: 21, handshake: 22, heartbeat: 24 } as const;
export const HANDSHAKE = { serverHello: 2, certificate: 11, serverKeyExchange: 12, serverHelloDone: 14 } as const;
export const EXTENSION = {
  supportedVersions: 43,
  keyShare: 51,
  heartbeat: 15,
  serverName: 0,
  renegotiation: 0xff01,
} as const;

const CODES: Record<TlsVersion, number> = {
  SSLv3: 0x0300,
  'TLSv1.0': 0x0301,
  'TLSv1.1': 0x0302,
  'TLSv1.2': 0x0303,
  'TLSv1.3': 0x0304,
};
export const codeOf = (version: TlsVersion): number => CODES[version];
export function versionOf(code: number): TlsVersion | null {
  return TlsVersion.options.find((version) => CODES[version] === code) ?? null;
}

/** Everything a server of the last 25 years may want, strongest first; we never encrypt anything with them. */
export const CIPHERS_12: readonly number[] = [
  0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009e, 0x009f, 0xccaa, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009,
  0xc013, 0xc00a, 0xc014, 0x0067, 0x006b, 0x0033, 0x0039, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0041,
  0x0084, 0x000a, 0x0016, 0xc012, 0xc008, 0x0005, 0x0004, 0xc011, 0xc007, 0x0096, 0x0032, 0x0038, 0x0013, 0x0009,
];
/** Says that we know secure renegotiation (RFC 5746 §3.3): whoever knows it, too, says so in its hello. */
const SIGNAL = 0x00ff;
const CIPHERS_13 = [0x1301, 0x1302, 0x1303];
const GROUPS = [0x001d, 0x0017, 0x0018, 0x0019];
const SIGNATURES = [
  0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0402, 0x0202,
];

export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
const sized16 = (body: Buffer): Buffer => Buffer.concat([u16(body.length), body]);

/** In one piece of memory: a hello names fifty ciphers, and a scan says some ten hellos to each server. */
function list16(values: readonly number[]): Buffer {
  const list = Buffer.allocUnsafe(2 + 2 * values.length);
  list.writeUInt16BE(2 * values.length, 0);
  for (const [index, value] of values.entries()) list.writeUInt16BE(value, 2 + 2 * index);
  return list;
}

const extension = (type: number, body: Buffer): Buffer => Buffer.concat([u16(type), sized16(body)]);

export function record(type: number, version: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type]), u16(version), sized16(body)]);
}

export interface HelloOptions {
  heartbeat: boolean;
  /** instead of all that we know; up to TLS 1.2 */
  ciphers?: readonly number[];
  /** whom we ask for (RFC 6066) */
  serverName?: string | undefined;
  /** offers DEFLATE before none; up to TLS 1.2 */
  compression?: boolean;
}

/** A ClientHello that offers `version` and nothing newer, as one record. */
export function clientHello(version: TlsVersion, options: HelloOptions): Buffer {
  const is13 = version === 'TLSv1.3';
  const ciphers = is13 ? CIPHERS_13 : [...(options.ciphers ?? CIPHERS_12), SIGNAL];
  const extensions = version === 'SSLv3' ? Buffer.alloc(0) : sized16(extensionsFor(version, options));
  const body = Buffer.concat([
    u16(is13 ? CODES['TLSv1.2'] : CODES[version]),
    randomBytes(32),
    is13 ? Buffer.concat([Buffer.from([32]), randomBytes(32)]) : Buffer.from([0]),
    list16(ciphers),
    Buffer.from(options.compression && !is13 ? [2, 1, 0] : [1, 0]),
    extensions,
  ]);
  const message = Buffer.concat([Buffer.from([1]), u24(body.length), body]);
  return record(RECORD.handshake, version === 'SSLv3' ? CODES.SSLv3 : CODES['TLSv1.0'], message);
}

function extensionsFor(version: TlsVersion, options: HelloOptions): Buffer {
  const all = [extension(10, list16(GROUPS)), extension(11, Buffer.from([1, 0]))];
  if (options.serverName !== undefined) {
    const name = sized16(Buffer.from(options.serverName, 'latin1'));
    all.push(extension(EXTENSION.serverName, sized16(Buffer.concat([Buffer.from([0]), name]))));
  }
  if (version === 'TLSv1.2' || version === 'TLSv1.3') all.push(extension(13, list16(SIGNATURES)));
  if (options.heartbeat && version !== 'TLSv1.3') all.push(extension(EXTENSION.heartbeat, Buffer.from([1])));
  if (version === 'TLSv1.3') {
    all.push(extension(EXTENSION.supportedVersions, Buffer.from([2, 3, 4])));
    // Any 32 bytes are an X25519 public key; the secret that would come of it is never computed.
    all.push(extension(EXTENSION.keyShare, sized16(Buffer.concat([u16(0x001d), sized16(randomBytes(32))]))));
  }
  return Buffer.concat(all);
}

export interface ServerHello {
  version: TlsVersion | null;
  cipher: number;
  heartbeat: boolean;
  compression: boolean;
  secureRenegotiation: boolean;
}

/** Parses the body of a ServerHello. Returns null for what cannot be one. */
export function parseServerHello(body: Buffer): ServerHello | null {
  if (body.length < 38) return null;
  const sessionEnd = 35 + body[34]!;
  if (body.length < sessionEnd + 3) return null;
  const extensions = parseExtensions(body.subarray(sessionEnd + 3));
  if (!extensions) return null;
  const supported = extensions.get(EXTENSION.supportedVersions);
  const code = supported?.length === 2 ? supported.readUInt16BE(0) : body.readUInt16BE(0);
  return {
    version: versionOf(code),
    cipher: body.readUInt16BE(sessionEnd),
    heartbeat: extensions.has(EXTENSION.heartbeat),
    compression: body[sessionEnd + 2] !== 0,
    secureRenegotiation: extensions.has(EXTENSION.renegotiation),
  };
}

function parseExtensions(bytes: Buffer): Map<number, Buffer> | null {
  const found = new Map<number, Buffer>();
  if (bytes.length === 0) return found;
  if (bytes.length < 2 || bytes.readUInt16BE(0) !== bytes.length - 2) return null;
  let at = 2;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return null;
    const length = bytes.readUInt16BE(at + 2);
    if (at + 4 + length > bytes.length) return null;
    found.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** DER certificates of a (TLS ≤ 1.2) Certificate message; null when its lengths do not add up. */
export function parseCertificates(body: Buffer): Buffer[] | null {
  if (body.length < 3 || body.readUIntBE(0, 3) !== body.length - 3) return null;
  const chain: Buffer[] = [];
  let at = 3;
  while (at < body.length) {
    if (at + 3 > body.length) return null;
    const length = body.readUIntBE(at, 3);
    if (length === 0 || at + 3 + length > body.length) return null;
    chain.push(body.subarray(at + 3, at + 3 + length));
    at += 3 + length;
  }
  return chain;
}
