/** A configured certificate authority, ready to be asked. The provisioner's key is lent, never kept. */
export interface AuthorityAccess {
  name: string;
  url: string;
  provisioner: string;
  /** private key, PEM or JWK */
  key: string;
  /** PEM that its HTTPS certificate must lead to; null: http on this machine */
  root: string | null;
}

/** The authority understood and said no: asking again will not help. Whatever else an adapter throws may pass. */
export class AuthorityRefusal extends Error {}

/** Of an HTTP reply that is no success; 408 and 429 ask to come again. */
export function replyError(status: number, message: string): Error {
  const passing = status < 400 || status >= 500 || status === 408 || status === 429;
  return passing ? new Error(message) : new AuthorityRefusal(message);
}

/** One kind of authority: three members, and a fourth where it can. A new kind is a file beside this one and a line in registry.ts. */
export interface AuthorityKind {
  /** Certificates whose signature means "this authority issued it", PEM; asked once, when it is configured. */
  issuers(access: AuthorityAccess): Promise<string[]>;
  /** PKCS#10 PEM → PEM chain, leaf first, for exactly these names. May be repeated. */
  issue(access: AuthorityAccess, csr: string, names: readonly string[]): Promise<string>;
  /** Hex serial. Repeating it, or revoking what is revoked, is no error. */
  revoke(access: AuthorityAccess, serial: string, reason: 'keyCompromise'): Promise<void>;
  /** The newest certificate that it issued for this key (SHA-256 of its SPKI) as a PEM chain; null: none, or it cannot tell. */
  find?(access: AuthorityAccess, spki: string): Promise<string | null>;
}

export type AuthorityKinds = Readonly<Record<string, AuthorityKind>>;
