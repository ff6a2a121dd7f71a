import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { EnrollReply, AlarmRequest, Assignment } from '../model/agent.ts';
import { readText, type Host } from '../host/host.ts';
import type { Machine } from './machine.ts';

/** What the agent keeps: its key, whom it trusts, what it last saw of the trail, what it has begun. */
export interface State {
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
  checkpoint(): Promise<string | null>;
  saveCheckpoint(text: string): Promise<void>;
  alarm(): Promise<StoredAlarm | null>;
  saveAlarm(alarm: StoredAlarm): Promise<void>;
  clearAlarm(): Promise<void>;
  /** assignments that were accepted and have not come to their end */
  open(): Promise<Assignment[]>;
  keep(assignment: Assignment): Promise<void>;
  drop(assignmentId: string): Promise<void>;
}

const StoredMachine = z.object({ machineId: z.string().nullable(), uuid: z.string().nullable() });
const StoredAlarm = AlarmRequest.extend({ at: z.string(), delivered: z.boolean() });
export type StoredAlarm = z.infer<typeof StoredAlarm>;

export function openState(host: Host, dir: string): State {
  const at = (name: string): string => `${dir}/${name}`;
  const save = async (name: string, text: string): Promise<void> => {
    await host.mkdir(dir, 0o700);
    await host.write(at(name), Buffer.from(text), 0o600);
  };
  const load = async <T>(name: string, schema: z.ZodType<T>): Promise<T | null> => {
    const text = await readText(host, at(name));
    return text === null ? null : schema.parse(JSON.parse(text));
  };
  return {
    dir,
    key: async () => {
      const pem = await readText(host, at('agent.key'));
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
      await host.remove(at('agent.key'));
      for (const name of (await host.list(at('open'))) ?? []) await host.remove(at(`open/${name}`));
      for (const name of ['checkpoint', 'alarm.json', 'journal.jsonl', 'identity.json', 'machine.json'])
        await host.remove(at(name));
    },
    checkpoint: () => readText(host, at('checkpoint')),
    saveCheckpoint: (text) => save('checkpoint', text),
    alarm: () => load('alarm.json', StoredAlarm),
    saveAlarm: (alarm) => save('alarm.json', JSON.stringify(alarm, null, 2)),
    clearAlarm: async () => {
      // Whoever clears it accepts the history that the server shows from now on.
      await host.remove(at('alarm.json'));
      await host.remove(at('checkpoint'));
    },
    open: async () => {
      const names = ((await host.list(at('open'))) ?? []).filter((name) => name.endsWith('.json'));
      const found = await Promise.all(names.map((name) => load(`open/${name}`, Assignment)));
      return found.filter((assignment) => assignment !== null);
    },
    keep: async (assignment) => {
      await host.mkdir(at('open'), 0o700);
      await save(`open/${fileName(assignment.id)}.json`, JSON.stringify(assignment));
    },
    drop: (assignmentId) => host.remove(at(`open/${fileName(assignmentId)}.json`)),
  };
}

/** Ids come from the server: no path is made of them unseen. */
const fileName = (id: string): string => Buffer.from(id).toString('hex').slice(0, 200);
