import {
  createDiffieHellmanGroup,
  createECDH,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto';
import { mpint, modPow, numberIn, stringAt } from '../logic/ssh-numbers.ts';
import { OUR_VERSION, type PlainLine, sshString } from './ssh-wire.ts';

/** Messages of RFC 4253 §12, 5656 §4 and 4419 §5. */
const INIT = 30;
const REPLY = 31;
const GEX_REQUEST = 34;
const GEX_INIT = 32;
const GEX_REPLY = 33;
/** What we ask for with group exchange (bits): least, wanted, most. */
const SIZES = [1024, 2048, 4096];
/** Bytes of our secret number: twice the strength of any key that comes of it. */
const SECRET = 32;

/** What both sides said until the key exchange proper began. */
export interface Opening {
  /** as it came, a character a byte */
  banner: string;
  ours: Buffer;
  theirs: Buffer;
}

export interface Exchanged {
  hostKey: Buffer;
  signature: Buffer;
  /** H: what the server signs */
  hash: Buffer;
  /** K as an mpint */
  secret: Buffer;
  digest: string;
}

const CURVES: Readonly<Record<string, { curve: string; digest: string }>> = {
  'ecdh-sha2-nistp256': { curve: 'prime256v1', digest: 'sha256' },
  'ecdh-sha2-nistp384': { curve: 'secp384r1', digest: 'sha384' },
  'ecdh-sha2-nistp521': { curve: 'secp521r1', digest: 'sha512' },
};
const GROUPS: Readonly<Record<string, { group: string; digest: string }>> = {
  'diffie-hellman-group14-sha256': { group: 'modp14', digest: 'sha256' },
  'diffie-hellman-group14-sha1': { group: 'modp14', digest: 'sha1' },
  'diffie-hellman-group16-sha512': { group: 'modp16', digest: 'sha512' },
  'diffie-hellman-group18-sha512': { group: 'modp18', digest: 'sha512' },
  'diffie-hellman-group1-sha1': { group: 'modp2', digest: 'sha1' },
};
const BY_EXCHANGE: Readonly<Record<string, string>> = {
  'diffie-hellman-group-exchange-sha256': 'sha256',
  'diffie-hellman-group-exchange-sha1': 'sha1',
};

/** Cheap ones first: it is the server's work as well. */
const METHODS = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  ...Object.keys(CURVES),
  ...Object.keys(GROUPS),
  ...Object.keys(BY_EXCHANGE),
];

/** Of what the server offers, the one that we take. */
export const methodFor = (offered: readonly string[]): string | undefined =>
  METHODS.find((method) => offered.includes(method));

/** Our side of the key exchange, after both lists were sent. Null: the server did not take part. */
export async function exchangeKeys(line: PlainLine, method: string, opening: Opening): Promise<Exchanged | null> {
  if (BY_EXCHANGE[method]) return byGroupExchange(line, BY_EXCHANGE[method], opening);
  const { digest, ours, agree } = sideOf(method);
  line.say(Buffer.concat([Buffer.from([INIT]), ours]));
  const reply = await line.hear(REPLY);
  const parts = reply && readReply(reply);
  return parts && finish({ ...parts, opening, digest, between: ours, secret: agree(parts.theirs) });
}

interface Side {
  digest: string;
  /** our public value as it is sent and hashed */
  ours: Buffer;
  /** K as an mpint, or null where theirs is no value of this kind */
  agree(theirs: Buffer): Buffer | null;
}

function sideOf(method: string): Side {
  if (CURVES[method]) return ecdhSide(CURVES[method]);
  if (GROUPS[method]) {
    const group = createDiffieHellmanGroup(GROUPS[method].group);
    return fieldSide(numberIn(group.getPrime()), numberIn(group.getGenerator()), GROUPS[method].digest);
  }
  const pair = generateKeyPairSync('x25519');
  return {
    digest: 'sha256',
    ours: sshString(rawOf(pair.publicKey.export({ format: 'jwk' }))),
    agree: (theirs) =>
      calmly(() => mpint(diffieHellman({ privateKey: pair.privateKey, publicKey: x25519Key(theirs) }))),
  };
}

function ecdhSide({ curve, digest }: { curve: string; digest: string }): Side {
  const ecdh = createECDH(curve);
  return {
    digest,
    ours: sshString(ecdh.generateKeys()),
    agree: (theirs) => calmly(() => mpint(ecdh.computeSecret(theirs))),
  };
}

function fieldSide(prime: bigint, generator: bigint, digest: string): Side {
  const secret = numberIn(randomBytes(SECRET));
  return {
    digest,
    ours: mpint(bytesOf(modPow(generator, secret, prime))),
    agree: (theirs) => {
      const value = numberIn(theirs);
      return value > 1n && value < prime - 1n ? mpint(bytesOf(modPow(value, secret, prime))) : null;
    },
  };
}

async function byGroupExchange(line: PlainLine, digest: string, opening: Opening): Promise<Exchanged | null> {
  const sizes = Buffer.alloc(12);
  SIZES.forEach((bits, index) => sizes.writeUInt32BE(bits, index * 4));
  line.say(Buffer.concat([Buffer.from([GEX_REQUEST]), sizes]));
  const named = await line.hear(REPLY);
  const prime = named && stringAt(named, 1);
  const generator = prime && stringAt(named, 5 + prime.length);
  // A number of more bits than we asked for is there to keep us busy.
  if (!prime || !generator || prime.length > 4096 / 8 + 1 || generator.length > prime.length) return null;
  const modulus = numberIn(prime);
  if (modulus < 5n) return null;
  const { ours, agree } = fieldSide(modulus, numberIn(generator), digest);
  line.say(Buffer.concat([Buffer.from([GEX_INIT]), ours]));
  const reply = await line.hear(GEX_REPLY);
  const parts = reply && readReply(reply);
  const between = Buffer.concat([sizes, sshString(prime), sshString(generator), ours]);
  return parts && finish({ ...parts, opening, digest, between, secret: agree(parts.theirs) });
}

function readReply(reply: Buffer): { hostKey: Buffer; theirs: Buffer; signature: Buffer } | null {
  const hostKey = stringAt(reply, 1);
  const theirs = hostKey && stringAt(reply, 5 + hostKey.length);
  const signature = theirs && stringAt(reply, 9 + hostKey.length + theirs.length);
  return signature ? { hostKey, theirs, signature } : null;
}

interface Parts {
  opening: Opening;
  digest: string;
  hostKey: Buffer;
  theirs: Buffer;
  signature: Buffer;
  between: Buffer;
  secret: Buffer | null;
}

/** RFC 4253 §8: what is signed is a digest of everything that was said. */
function finish({ opening, digest, hostKey, theirs, signature, between, secret }: Parts): Exchanged {
  const hash = createHash(digest);
  const banner = Buffer.from(opening.banner, 'latin1');
  for (const part of [OUR_VERSION.trimEnd(), banner, opening.ours, opening.theirs, hostKey])
    hash.update(sshString(part));
  hash.update(between).update(sshString(theirs));
  // Without a secret no signature fits, and none is wanted.
  if (secret) hash.update(secret);
  return { hostKey, signature, hash: hash.digest(), secret: secret ?? Buffer.alloc(0), digest };
}

const rawOf = ({ x }: { x?: string }): Buffer => Buffer.from(x ?? '', 'base64url');
const x25519Key = (raw: Buffer) =>
  createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') } });

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

function calmly(fn: () => Buffer): Buffer | null {
  try {
    return fn();
  } catch {
    return null;
  }
}
