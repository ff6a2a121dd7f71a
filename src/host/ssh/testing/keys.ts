import ssh2 from 'ssh2';

type Options = Parameters<typeof ssh2.utils.generateKeyPairSync>[1];
const OF_KIND = { ed25519: {}, ecdsa: { bits: 256 }, rsa: { bits: 2048 } } as const;
export type SshKeyKind = keyof typeof OF_KIND;

/**
 * A key pair in OpenSSH's format that can be read again. The library writes about one Ed25519 key in 270 without its
 * leading zero byte, which nothing can then parse; such a pair is thrown away.
 */
export function newSshKey(
  options: Options & { passphrase?: string } = {},
  kind: SshKeyKind = 'ed25519',
): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync(kind as 'ecdsa', { ...OF_KIND[kind], ...options } as { bits: 256 });
    if (!(ssh2.utils.parseKey(pair.private, options.passphrase) instanceof Error)) return pair;
  }
}
