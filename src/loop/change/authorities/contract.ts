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

/** One kind of authority. A new kind is a file beside this one and a line in registry.ts. */
export interface AuthorityKind {
  /** Certificates whose signature means "this authority issued it", PEM; asked once, when it is configured. */
  issuers(access: AuthorityAccess): Promise<string[]>;
  /** PKCS#10 PEM → PEM chain, leaf first, for exactly these names. May be repeated. */
  issue(access: AuthorityAccess, csr: string, names: readonly string[]): Promise<string>;
  /** Hex serial. Repeating it, or revoking what is revoked, is no error. */
  revoke(access: AuthorityAccess, serial: string, reason: 'keyCompromise'): Promise<void>;
}

export type AuthorityKinds = Readonly<Record<string, AuthorityKind>>;
