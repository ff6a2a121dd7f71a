import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { EnrollReply } from '../model/agent.ts';
import { readText, type Host } from '../host/host.ts';
import * as z from 'zod';
import { openFiles, openKept, type Kept } from '../host/tasks/kept.ts';
import type { Machine } from './machine.ts';

/** What the agent keeps: its key, whom it trusts, what it last saw of the trail, what it has begun. */
export interface State extends Kept {
  dir: string;
  /** made on the first call; never leaves the host */
  key(): Promise<KeyObject>;
  identity(): Promise<EnrollReply | null>;
  saveIdentity(identity: EnrollReply): Promise<void>;
  /** where it enrolled */
  machine(): Promise<Machine | null>;
  saveMachine(machine: Machine): Promise<void>;
  /** Everything that belongs to its identity is gone: key, certificate, what was pinned, what was begun. */
  forget(): Promise<void>;
}

const StoredMachine = z.object({ machineId: z.string().nullable(), uuid: z.string().nullable() });

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
    machine: () => load('machine.json', StoredMachine),
    saveMachine: (machine) => save('machine.json', JSON.stringify(machine)),
    forget: async () => {
      // The key first, and what tells that it is not ours last: whatever cuts this off, the next start goes on with it.
      await host.remove(`${dir}/agent.key`);
      for (const name of (await host.list(`${dir}/open`)) ?? []) await host.remove(`${dir}/open/${name}`);
      for (const name of ['checkpoint', 'alarm.json', 'journal.jsonl', 'identity.json', 'machine.json'])
        await host.remove(`${dir}/${name}`);
    },
  };
}
