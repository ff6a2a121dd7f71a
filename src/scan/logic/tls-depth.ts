import type { CertificateInfo, TlsKnown, TlsVersion } from '../../model/probe.ts';
import type { ForwardSecrecy, TlsDepth } from '../../model/tls-depth.ts';
import { type Agreement, CIPHERS } from './tls-ciphers.ts';

/** ms. What the first handshakes do not show changes seldom. */
const HOLDS = 7 * 86_400_000;

/** What one version's own handshake showed. */
export interface Shown {
  version: TlsVersion;
  cipher: number;
  agreement: Agreement | null;
}

/** Certificate, versions, and what was chosen of all that we offer, in words that are the same for the same server. */
export function basisOf(shown: readonly Shown[], leaf: CertificateInfo | undefined): string {
  const choices = shown.map(({ version, cipher, agreement }) =>
    [version, cipher.toString(16).padStart(4, '0'), agreement?.curve ?? agreement?.dhBits ?? ''].join(' ').trim(),
  );
  return [...choices.toSorted(), leaf?.fingerprint.slice(0, 16) ?? 'no certificate'].join('; ');
}

/** What is known still holds: the first handshakes show the same, and it is no week old. */
export function stillHolds(known: TlsKnown | null, basis: string, now: Date): TlsDepth | null {
  const depth = known?.depth;
  if (!depth || depth.basis !== basis || depth.unknown.length > 0) return null;
  const age = now.getTime() - Date.parse(depth.at);
  return age >= 0 && age < HOLDS ? depth : null;
}

export const isForwardSecret = (cipher: number): boolean =>
  (CIPHERS.forwardSecret as readonly number[]).includes(cipher);

/**
 * `chose`: its choice of all; `other`: whether it takes the other kind of key exchange alone, null: no answer.
 * TLS 1.3 knows no other.
 */
export function forwardSecrecyOf(chose: { secret: boolean; other: boolean | null; has13: boolean }): ForwardSecrecy {
  if (chose.other === null) return 'unknown';
  if (chose.secret) return chose.other ? 'offered' : 'always';
  return chose.other || chose.has13 ? 'offered' : 'never';
}
