import ssh2 from 'ssh2';

type Options = Parameters<typeof ssh2.utils.generateKeyPairSync>[1];

/**
 * An Ed25519 key pair in OpenSSH's format that can be read again. The library writes about one key in 270 without its
 * leading zero byte, which nothing can then parse; such a pair is thrown away.
 */
export function newSshKey(options: Options & { passphrase?: string } = {}): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', options);
    if (!(ssh2.utils.parseKey(pair.private, options.passphrase) instanceof Error)) return pair;
  }
}
