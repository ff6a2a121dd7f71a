import type { KeyObject } from 'node:crypto';
import { AppError } from '../../model/errors/index.ts';
import { readText, type Host } from '../host.ts';
import { generateLike } from '../pki/generate.ts';
import { readPrivateKey, spkiOf } from '../pki/read.ts';
import { certificateRequest } from '../pki/request.ts';
import { NO_EFFECTS, type HostStep, type Seen } from './contract.ts';
import { guardPath } from './guard.ts';

/** Where the new key waits until its certificate is there. */
export const newKeyPath = (keyPath: string): string => `${keyPath}.new`;

export async function readKeyFile(host: Host, path: string): Promise<KeyObject | null> {
  return readPrivateKey((await readText(host, path, 65_536)) ?? '');
}

/** The new key never leaves the host and lies beside the old one; services go on with the old one until it is installed. */
export const rotateKey: HostStep<'rotate-key'> = {
  kind: 'rotate-key',
  async inspect(host, { keyPath, names, oldSpki }, { resumed }) {
    const old = await readKeyFile(host, guardPath(keyPath));
    if (!old) throw new AppError('STEP_KEY', { path: keyPath, why: 'there is no readable private key' });
    const live = spkiOf(old);
    if (live !== oldSpki)
      throw new AppError('STEP_DRIFT', {
        what: `${keyPath}: plan says key ${short(oldSpki)}, the host holds ${short(live)}`,
      });
    const before = { keyPath, spki: live, keyType: old.asymmetricKeyType };
    const effects = { ...NO_EFFECTS, files: [{ path: newKeyPath(keyPath), change: 'created' }] };
    // Only a key that this very step made before it was cut off may be used; any other found there is of unknown origin.
    const made = resumed === null ? null : await readKeyFile(host, newKeyPath(keyPath));
    if (made) return { before, effects: NO_EFFECTS, already: outcome(made, keyPath, names, oldSpki) };
    return { before, effects };
  },
  async apply(host, { keyPath, names, oldSpki }) {
    const old = await readKeyFile(host, keyPath);
    if (!old) throw new AppError('STEP_KEY', { path: keyPath, why: 'there is no readable private key' });
    const { pem } = await generateLike(old);
    await host.write(newKeyPath(keyPath), Buffer.from(pem), 0o600);
    const made = await readKeyFile(host, newKeyPath(keyPath));
    if (!made) throw new AppError('STEP_KEY', { path: keyPath, why: 'the new key cannot be read back' });
    return outcome(made, keyPath, names, oldSpki);
  },
  async undo(host, { keyPath }, before) {
    await host.remove(newKeyPath(keyPath));
    return { keyPath, spki: before['spki'] };
  },
};

function outcome(key: KeyObject, keyPath: string, names: string[], oldSpki: string): Seen {
  const spki = spkiOf(key);
  if (spki === oldSpki) throw new AppError('STEP_KEY', { path: keyPath, why: 'the new key is the old key' });
  const csr = certificateRequest(key, names[0] ?? '', names);
  return { keyPath: newKeyPath(keyPath), spki, keyType: key.asymmetricKeyType, csr };
}

const short = (spki: string): string => spki.slice(0, 16);
