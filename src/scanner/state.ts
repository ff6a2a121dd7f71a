import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { type Host, readText } from '../host/host.ts';
import { openFiles } from '../host/tasks/kept.ts';
import { SiteName } from '../model/site.ts';

/** Who this scanner is, and which server it is of. */
export const Identity = z.object({
  scannerId: z.string(),
  site: SiteName,
  /** https://host:port */
  server: z.string(),
  ca: z.string(),
  certificate: z.string(),
});
export type Identity = z.infer<typeof Identity>;

export interface State {
  /** made on the first call; never leaves the machine */
  key(): Promise<KeyObject>;
  identity(): Promise<Identity | null>;
  save(identity: Identity): Promise<void>;
}

export function openState(host: Host, dir: string): State {
  const { save, load } = openFiles(host, dir);
  return {
    key: async () => {
      const pem = await readText(host, `${dir}/scanner.key`);
      if (pem !== null) return createPrivateKey(pem);
      const { privateKey } = generateKeyPairSync('ed25519');
      await save('scanner.key', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
      return privateKey;
    },
    identity: () => load('scanner.json', Identity),
    save: (identity) => save('scanner.json', JSON.stringify(identity, null, 2)),
  };
}
