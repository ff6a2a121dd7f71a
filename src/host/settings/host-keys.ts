import { readText, type Host } from '../host.ts';
import { sshFingerprint } from '../pki/ssh-fingerprint.ts';

const DROPBEAR_LIMIT = 64 * 1024;

/** Fingerprints of the keys that the SSH servers of this host prove themselves with, as `ssh-keygen -l` prints them. */
export async function hostKeyFingerprints(host: Host): Promise<string[]> {
  const blobs = [...(await ofOpenSsh(host)), ...(await ofDropbear(host))];
  return [...new Set(blobs.map(sshFingerprint))];
}

async function ofOpenSsh(host: Host): Promise<Buffer[]> {
  const names = ((await host.list('/etc/ssh')) ?? []).filter((name) => /^ssh_host_\w+_key\.pub$/.test(name));
  const texts = await Promise.all(names.map((name) => readText(host, `/etc/ssh/${name}`, 4096)));
  return texts.flatMap((text) => {
    const blob = text?.trim().split(/\s+/)[1];
    return blob ? [Buffer.from(blob, 'base64')] : [];
  });
}

/** Dropbear keeps no public halves beside its keys: they are read out of them, and nothing else is. */
async function ofDropbear(host: Host): Promise<Buffer[]> {
  const names = ((await host.list('/etc/dropbear')) ?? []).filter((name) => /^dropbear_\w+_host_key$/.test(name));
  const files = await Promise.all(
    names.map((name) => host.read(`/etc/dropbear/${name}`, { maxBytes: DROPBEAR_LIMIT }).catch(() => null)),
  );
  return files.flatMap((file) => (file === null ? [] : (publicOfDropbear(Buffer.from(file)) ?? [])));
}

/**
 * The public key, as RFC 4253 section 6.6 encodes it, of a key file of Dropbear: the algorithm's name and the public
 * fields in that same encoding, then the secret ones; Ed25519 has secret and public half, 32 bytes each, in one string.
 * Null for what is no such file.
 */
export function publicOfDropbear(file: Buffer): Buffer | null {
  const type = field(file, 0);
  const name = type?.value.toString('latin1');
  if (!type || name === undefined) return null;
  if (name === 'ssh-ed25519') {
    const pair = field(file, type.end);
    return pair?.value.length === 64 ? Buffer.concat([type.whole, string(pair.value.subarray(32))]) : null;
  }
  // RSA: exponent and modulus; ECDSA: curve and point.
  if (name !== 'ssh-rsa' && !name.startsWith('ecdsa-sha2-')) return null;
  const first = field(file, type.end);
  const second = first && field(file, first.end);
  return second ? Buffer.concat([type.whole, first.whole, second.whole]) : null;
}

function field(file: Buffer, at: number): { value: Buffer; whole: Buffer; end: number } | null {
  if (at + 4 > file.length) return null;
  const end = at + 4 + file.readUInt32BE(at);
  return end > file.length ? null : { value: file.subarray(at + 4, end), whole: file.subarray(at, end), end };
}

function string(value: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}
