import { readText, type Host } from '../host.ts';
import { sshFingerprint } from '../pki/ssh-fingerprint.ts';

const DROPBEAR_LIMIT = 64 * 1024;

/** A key that an SSH server of this host proves itself with. `fingerprint` as `ssh-keygen -l` prints it. */
export interface HostKey {
  path: string;
  type: string;
  fingerprint: string;
}

export async function hostKeyFingerprints(host: Host): Promise<string[]> {
  return [...new Set((await hostKeys(host)).map(({ fingerprint }) => fingerprint))];
}

/** In the order of their paths. */
export async function hostKeys(host: Host): Promise<HostKey[]> {
  const found = [...(await ofOpenSsh(host)), ...(await ofDropbear(host))];
  return found
    .map(({ path, blob }) => ({
      path,
      type: field(blob, 0)?.value.toString('latin1') ?? 'unknown',
      fingerprint: sshFingerprint(blob),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Found {
  path: string;
  /** as RFC 4253 section 6.6 encodes it */
  blob: Buffer;
}

async function ofOpenSsh(host: Host): Promise<Found[]> {
  const names = ((await host.list('/etc/ssh')) ?? []).filter((name) => /^ssh_host_\w+_key\.pub$/.test(name));
  const paths = names.map((name) => `/etc/ssh/${name}`);
  const texts = await Promise.all(paths.map((path) => readText(host, path, 4096)));
  return texts.flatMap((text, index) => {
    const blob = text?.trim().split(/\s+/)[1];
    // The key itself lies beside its public half.
    return blob ? [{ path: paths[index]!.replace(/\.pub$/, ''), blob: Buffer.from(blob, 'base64') }] : [];
  });
}

/** Dropbear keeps no public halves beside its keys: they are read out of them, and nothing else is. */
async function ofDropbear(host: Host): Promise<Found[]> {
  const names = ((await host.list('/etc/dropbear')) ?? []).filter((name) => /^dropbear_\w+_host_key$/.test(name));
  const paths = names.map((name) => `/etc/dropbear/${name}`);
  const files = await Promise.all(paths.map((path) => host.read(path, { maxBytes: DROPBEAR_LIMIT }).catch(() => null)));
  return files.flatMap((file, index) => {
    const blob = file === null ? null : publicOfDropbear(Buffer.from(file));
    return blob === null ? [] : [{ path: paths[index]!, blob }];
  });
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
