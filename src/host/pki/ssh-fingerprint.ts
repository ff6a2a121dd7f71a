import { createHash } from 'node:crypto';

/** Of a public key as RFC 4253 encodes it: `SHA256:` and unpadded base64, as OpenSSH prints it. */
export function sshFingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
