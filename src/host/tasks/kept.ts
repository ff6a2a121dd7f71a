import * as z from 'zod';
import { AlarmRequest, Assignment } from '../../model/agent.ts';
import { readText, type Host } from '../host.ts';

/** What stays on a host between tasks: what was last seen of the trail, the alarm about it, and what was begun. */
export interface Kept {
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

const StoredAlarm = AlarmRequest.extend({ at: z.string(), delivered: z.boolean() });
export type StoredAlarm = z.infer<typeof StoredAlarm>;

export interface Files {
  save(name: string, text: string): Promise<void>;
  load<T>(name: string, schema: z.ZodType<T>): Promise<T | null>;
}

/** Files of ours in `dir`, readable by root only. */
export function openFiles(host: Host, dir: string): Files {
  return {
    save: async (name, text) => {
      await host.mkdir(dir, 0o700);
      await host.write(`${dir}/${name}`, Buffer.from(text), 0o600);
    },
    load: async (name, schema) => {
      const text = await readText(host, `${dir}/${name}`);
      return text === null ? null : schema.parse(JSON.parse(text));
    },
  };
}

export function openKept(host: Host, dir: string): Kept {
  const at = (name: string): string => `${dir}/${name}`;
  const { save, load } = openFiles(host, dir);
  return {
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

/**
 * What was begun below `dir`, by an agent or over SSH, and has not come to its end, in words: whoever removes the directory
 * would leave it half-way.
 */
export async function openBelow(host: Host, dir: string): Promise<string[]> {
  const accesses = (await host.list(`${dir}/ssh`)) ?? [];
  const found: string[] = [];
  for (const at of [dir, ...accesses.map((name) => `${dir}/ssh/${name}`)])
    for (const name of (await host.list(`${at}/open`)) ?? [])
      if (name.endsWith('.json')) found.push(inWords(await readText(host, `${at}/open/${name}`), name));
  return found;
}

const Named = z.object({ taskId: z.string(), plan: z.string() });
function inWords(text: string | null, name: string): string {
  try {
    const { taskId, plan } = Named.parse(JSON.parse(text ?? ''));
    const { changeId } = z.object({ changeId: z.string() }).parse(JSON.parse(plan));
    return `${taskId} of ${changeId}`;
  } catch {
    return name;
  }
}

/** Ids come from the server: no path is made of them unseen. */
const fileName = (id: string): string => Buffer.from(id).toString('hex').slice(0, 200);
