import type { WeakFamily } from '../../model/tls-depth.ts';

/** The suites that keep nothing secret for long, by the family that condemns them (IANA's TLS Cipher Suites registry). */
const WEAK: Record<WeakFamily, Readonly<Record<number, string>>> = {
  null: {
    0x0001: 'RSA_WITH_NULL_MD5',
    0x0002: 'RSA_WITH_NULL_SHA',
    0x003b: 'RSA_WITH_NULL_SHA256',
    0xc001: 'ECDH_ECDSA_WITH_NULL_SHA',
    0xc006: 'ECDHE_ECDSA_WITH_NULL_SHA',
    0xc00b: 'ECDH_RSA_WITH_NULL_SHA',
    0xc010: 'ECDHE_RSA_WITH_NULL_SHA',
    0xc015: 'ECDH_anon_WITH_NULL_SHA',
  },
  anon: {
    0x0018: 'DH_anon_WITH_RC4_128_MD5',
    0x001a: 'DH_anon_WITH_DES_CBC_SHA',
    0x001b: 'DH_anon_WITH_3DES_EDE_CBC_SHA',
    0x0034: 'DH_anon_WITH_AES_128_CBC_SHA',
    0x003a: 'DH_anon_WITH_AES_256_CBC_SHA',
    0x0046: 'DH_anon_WITH_CAMELLIA_128_CBC_SHA',
    0x006c: 'DH_anon_WITH_AES_128_CBC_SHA256',
    0x006d: 'DH_anon_WITH_AES_256_CBC_SHA256',
    0x0089: 'DH_anon_WITH_CAMELLIA_256_CBC_SHA',
    0x009b: 'DH_anon_WITH_SEED_CBC_SHA',
    0x00a6: 'DH_anon_WITH_AES_128_GCM_SHA256',
    0x00a7: 'DH_anon_WITH_AES_256_GCM_SHA384',
    0xc016: 'ECDH_anon_WITH_RC4_128_SHA',
    0xc017: 'ECDH_anon_WITH_3DES_EDE_CBC_SHA',
    0xc018: 'ECDH_anon_WITH_AES_128_CBC_SHA',
    0xc019: 'ECDH_anon_WITH_AES_256_CBC_SHA',
  },
  export: {
    0x0003: 'RSA_EXPORT_WITH_RC4_40_MD5',
    0x0006: 'RSA_EXPORT_WITH_RC2_CBC_40_MD5',
    0x0008: 'RSA_EXPORT_WITH_DES40_CBC_SHA',
    0x000b: 'DH_DSS_EXPORT_WITH_DES40_CBC_SHA',
    0x000e: 'DH_RSA_EXPORT_WITH_DES40_CBC_SHA',
    0x0011: 'DHE_DSS_EXPORT_WITH_DES40_CBC_SHA',
    0x0014: 'DHE_RSA_EXPORT_WITH_DES40_CBC_SHA',
    0x0017: 'DH_anon_EXPORT_WITH_RC4_40_MD5',
    0x0019: 'DH_anon_EXPORT_WITH_DES40_CBC_SHA',
    0x0062: 'RSA_EXPORT1024_WITH_DES_CBC_SHA',
    0x0064: 'RSA_EXPORT1024_WITH_RC4_56_SHA',
  },
  des: {
    0x0009: 'RSA_WITH_DES_CBC_SHA',
    0x000c: 'DH_DSS_WITH_DES_CBC_SHA',
    0x000f: 'DH_RSA_WITH_DES_CBC_SHA',
    0x0012: 'DHE_DSS_WITH_DES_CBC_SHA',
    0x0015: 'DHE_RSA_WITH_DES_CBC_SHA',
  },
  rc4: {
    0x0004: 'RSA_WITH_RC4_128_MD5',
    0x0005: 'RSA_WITH_RC4_128_SHA',
    0x0066: 'DHE_DSS_WITH_RC4_128_SHA',
    0xc002: 'ECDH_ECDSA_WITH_RC4_128_SHA',
    0xc007: 'ECDHE_ECDSA_WITH_RC4_128_SHA',
    0xc00c: 'ECDH_RSA_WITH_RC4_128_SHA',
    0xc011: 'ECDHE_RSA_WITH_RC4_128_SHA',
  },
  '3des': {
    0x000a: 'RSA_WITH_3DES_EDE_CBC_SHA',
    0x000d: 'DH_DSS_WITH_3DES_EDE_CBC_SHA',
    0x0010: 'DH_RSA_WITH_3DES_EDE_CBC_SHA',
    0x0013: 'DHE_DSS_WITH_3DES_EDE_CBC_SHA',
    0x0016: 'DHE_RSA_WITH_3DES_EDE_CBC_SHA',
    0xc003: 'ECDH_ECDSA_WITH_3DES_EDE_CBC_SHA',
    0xc008: 'ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA',
    0xc00d: 'ECDH_RSA_WITH_3DES_EDE_CBC_SHA',
    0xc012: 'ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
  },
};

/** Keys agreed upon anew for each connection; what is sound otherwise. */
const ECDHE = [
  0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc023, 0xc027, 0xc024, 0xc028, 0xc009, 0xc013, 0xc00a, 0xc014,
];
const DHE = [0x009e, 0x009f, 0xccaa, 0x0067, 0x006b, 0x0033, 0x0039, 0x0045, 0x0088, 0x0032, 0x0038];

export const CIPHERS = {
  dhe: DHE,
  forwardSecret: [...ECDHE, ...DHE],
  /** The certificate's key decrypts what the client sends: whoever gets hold of it reads everything ever recorded. */
  staticRsa: [0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0041, 0x0084, 0x0096],
} as const;

const familyByCode = new Map(
  Object.entries(WEAK).flatMap(([family, suites]) =>
    Object.entries(suites).map(
      ([code, name]) => [Number(code), { family: family as WeakFamily, cipher: `TLS_${name}` }] as const,
    ),
  ),
);

/** Null: no family of weak ciphers has it. */
export const weaknessOf = (cipher: number): { family: WeakFamily; cipher: string } | null =>
  familyByCode.get(cipher) ?? null;

/** All weak suites but those of the families that are known already. */
export const weakBut = (known: ReadonlySet<WeakFamily>): number[] =>
  [...familyByCode].filter(([, { family }]) => !known.has(family)).map(([code]) => code);

/** How the keys are agreed upon, as the server says in the clear. */
export interface Agreement {
  curve?: string;
  dhBits?: number;
}

const NAMED_CURVE = 3;
const CURVES: Readonly<Record<number, string>> = {
  0x0015: 'secp224r1',
  0x0017: 'secp256r1',
  0x0018: 'secp384r1',
  0x0019: 'secp521r1',
  0x001d: 'x25519',
  0x001e: 'x448',
};
const WITH_CURVE = new Set([
  ...ECDHE,
  0xc006,
  0xc010,
  0xc015,
  0xc016,
  0xc017,
  0xc018,
  0xc019,
  0xc007,
  0xc011,
  0xc008,
  0xc012,
]);

/** Reads the body of a ServerKeyExchange; null for what cannot be one. */
export function agreementOf(cipher: number, body: Buffer): Agreement | null {
  if (WITH_CURVE.has(cipher)) {
    if (body.length < 3 || body[0] !== NAMED_CURVE) return null;
    const code = body.readUInt16BE(1);
    return { curve: CURVES[code] ?? `group ${code}` };
  }
  if (body.length < 2 || body.length < 2 + body.readUInt16BE(0)) return null;
  return { dhBits: bitsOf(body.subarray(2, 2 + body.readUInt16BE(0))) };
}

function bitsOf(number: Buffer): number {
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (number.length - first) * 8 - Math.clz32(number[first]!) + 24;
}
