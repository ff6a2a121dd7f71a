import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import type { TlsSeen } from '../../../model/probe.ts';

/** A name by which a host is known, and who says so. */
export const KnownName = z.object({ name: z.string(), from: z.string() });
export type KnownName = z.infer<typeof KnownName>;

/** The names in a served certificate beside those by which its server is known. */
export const ServedNames = z.object({
  /** `none`: only addresses are known, and the certificate is about no address */
  verdict: z.enum(['match', 'mismatch', 'none']),
  /** the known name or address that the certificate is for */
  matched: z.string().nullable(),
  known: z.array(KnownName),
  addresses: z.array(z.string()),
  certificate: z.array(z.string()),
  /** names to which a certificate of its own is shown that is for none of them */
  strange: z.array(z.string()),
});
export type ServedNames = z.infer<typeof ServedNames>;

const MOST = 20;
/** RFC 9525: names in subjectAltName alone count, and `*` is one whole label, the first. */
const RULES = { subject: 'never', wildcards: true, partialWildcards: false, multiLabelWildcards: false } as const;

/**
 * Is this certificate for one of the names or addresses by which the server is known? A name without a dot shows a match
 * and no mismatch: what a machine calls itself is not what its clients ask for. Null: nobody can read the certificate.
 */
export function compareNames(
  leafPem: string,
  server: { known: readonly KnownName[]; addresses: readonly string[] },
): ServedNames | null {
  const leaf = read(leafPem);
  if (!leaf) return null;
  const known = server.known.flatMap((one) => {
    const name = plainName(one.name);
    return name === null ? [] : [{ name, from: one.from }];
  });
  const addresses = server.addresses.filter((address) => isAddress(address));
  const certificate = namesIn(leaf);
  const matched =
    known.find(({ name }) => leaf.checkHost(name, RULES) !== undefined)?.name ??
    addresses.find((address) => leaf.checkIP(address) !== undefined) ??
    null;
  const isDecided = known.some(({ name }) => name.includes('.')) || certificate.addresses.length > 0;
  return {
    verdict: matched !== null ? 'match' : isDecided ? 'mismatch' : 'none',
    matched,
    known: known.slice(0, MOST),
    addresses: addresses.slice(0, MOST),
    certificate: [...certificate.dns, ...certificate.addresses].slice(0, MOST),
    strange: [],
  };
}

/**
 * The same for a listener that shows several certificates: each is compared with the names that it is shown to, the one for
 * those who name nobody with the others and the addresses. One that is for none of its names is a mismatch.
 */
export function compareServed(
  { chain, named = [] }: Pick<TlsSeen, 'chain' | 'named'>,
  server: { known: readonly KnownName[]; addresses: readonly string[] },
): ServedNames | null {
  const own = named.filter((one) => one.chain.length > 0);
  const isIn = ({ name }: KnownName, names: readonly string[]): boolean => names.includes(plainName(name) ?? '');
  const others = server.known.filter((one) => !own.some(({ names }) => isIn(one, names)));
  const first = compareNames(chain[0]?.pem ?? '', { known: others, addresses: server.addresses });
  if (!first) return null;
  const rest = own.flatMap((one) => {
    // Names that only certificates call it are no names of the server.
    const known = server.known.filter((name) => isIn(name, one.names));
    const compared = known.length > 0 ? compareNames(one.chain[0]!.pem, { known, addresses: [] }) : null;
    return compared ? [compared] : [];
  });
  const wrong = rest.filter(({ verdict }) => verdict === 'mismatch');
  const all = [first, ...rest];
  const verdict = (['mismatch', 'match', 'none'] as const).find((one) => all.some((each) => each.verdict === one))!;
  const told = verdict === 'mismatch' ? (first.verdict === 'mismatch' ? first : wrong[0]!) : first;
  return {
    ...told,
    verdict,
    matched: told.matched ?? rest.find(({ matched }) => matched !== null)?.matched ?? null,
    known: all.flatMap(({ known }) => known).slice(0, MOST),
    strange: wrong.flatMap(({ known }) => known.map(({ name }) => name)).slice(0, MOST),
  };
}

const Address = z.union([z.ipv4(), z.ipv6()]);
const isAddress = (text: string): boolean => Address.safeParse(text).success;

/** As it stands in certificates: IDNA's ASCII, lower case, without the root's dot. Null: it is no name of DNS. */
function plainName(text: string): string | null {
  const plain = text.trim().replace(/\.$/, '');
  const name = /[/?#@:\\\s]/.test(plain) ? '' : (URL.parse(`http://${plain}`)?.hostname ?? '');
  // An address is compared as such, and `*` is known of no server.
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) && !isAddress(name) ? name : null;
}

function read(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function namesIn(leaf: X509Certificate): { dns: string[]; addresses: string[] } {
  const parts = (leaf.subjectAltName ?? '').split(', ');
  const of = (kind: string): string[] =>
    parts.filter((part) => part.startsWith(kind)).map((part) => part.slice(kind.length));
  return { dns: of('DNS:'), addresses: of('IP Address:') };
}
