import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** No authority that people trust has more above it. */
const LONGEST_CHAIN = 8;

/** Whose certificates may send us somewhere: those that this machine trusts, and those that were added. */
export class Trusted {
  readonly #bySubject = new Map<string, X509Certificate[]>();

  constructor(pems: readonly string[]) {
    for (const pem of pems) {
      const one = read(pem);
      if (one === null) continue;
      this.#bySubject.set(one.subject, [...(this.#bySubject.get(one.subject) ?? []), one]);
    }
  }

  /** The chain that a server showed, its own certificate first. What it does not show cannot be followed. */
  has(chain: readonly string[], now: Date): boolean {
    const [leaf, ...rest] = chain.slice(0, LONGEST_CHAIN).map((pem) => new X509Certificate(pem));
    if (!leaf) return false;
    let current = leaf;
    for (const next of [null, ...rest]) {
      if (next !== null) {
        if (!signed(next, current)) return false;
        current = next;
      }
      if (this.#signed(current, now)) return true;
    }
    return false;
  }

  #signed(one: X509Certificate, now: Date): boolean {
    return (this.#bySubject.get(one.issuer) ?? []).some((root) => signed(root, one) && isInTime(root, now));
  }
}

/** Stores have certificates that this reader does not know how to read: nobody is below them. */
function read(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** Whoever merely has a certificate of an authority is none. */
const signed = (issuer: X509Certificate, one: X509Certificate): boolean =>
  issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey);

const isInTime = ({ validFrom, validTo }: X509Certificate, now: Date): boolean =>
  Date.parse(validFrom) <= now.getTime() && now.getTime() <= Date.parse(validTo);

/**
 * The system's trust store, or, on a machine without one, what Node brings along; and what the file has. Read at each run,
 * so that what is added counts at once. `why`: what is wrong with the file; then it adds nobody.
 */
export async function trustedNow(file: string | null): Promise<{ trusted: Trusted; why: string | null }> {
  const system = getCACertificates('system');
  const known = system.length > 0 ? system : getCACertificates('bundled');
  const { pems, why } = file === null ? { pems: [], why: null } : await added(file);
  return { trusted: new Trusted([...known, ...pems]), why };
}

async function added(file: string): Promise<{ pems: string[]; why: string | null }> {
  try {
    const pems = (await readFile(file, 'utf8')).match(PEM) ?? [];
    return { pems, why: pems.length === 0 ? 'there is no certificate (PEM) in it' : null };
  } catch (error) {
    return { pems: [], why: (error as Error).message };
  }
}
