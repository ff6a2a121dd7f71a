import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { EnrollReply } from '../model/agent.ts';
import { readText, type Host } from '../host/host.ts';
import { openFiles, openKept, type Kept } from '../host/tasks/kept.ts';

/** What the agent keeps: its key, whom it trusts, what it last saw of the trail, what it has begun. */
export interface State extends Kept {
  dir: string;
  /** made on the first call; never leaves the host */
  key(): Promise<KeyObject>;
  identity(): Promise<EnrollReply | null>;
  saveIdentity(identity: EnrollReply): Promise<void>;
}

export function openState(host: Host, dir: string): State {
  const { save, load } = openFiles(host, dir);
  return {
    ...openKept(host, dir),
    dir,
    key: async () => {
      const pem = await readText(host, `${dir}/agent.key`);
      if (pem !== null) return createPrivateKey(pem);
      const { privateKey } = generateKeyPairSync('ed25519');
      await save('agent.key', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
      return privateKey;
    },
    identity: () => load('identity.json', EnrollReply),
    saveIdentity: (identity) => save('identity.json', JSON.stringify(identity, null, 2)),
  };
}
