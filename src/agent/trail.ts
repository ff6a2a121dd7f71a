import * as z from 'zod';
import { CheckpointReply, type EnrollReply } from '../model/agent.ts';
import { witness } from '../host/tasks/witness.ts';
import type { Client } from './client.ts';
import type { Log } from './log.ts';
import type { State } from './state.ts';

export interface Looking {
  options: { identity: EnrollReply };
  client: Client;
  state: State;
  log: Log;
  now(): Date;
}

/** Why nothing may be done for this server: its history does not continue the one seen before. Null: it does. */
export async function look(agent: Looking): Promise<string | null> {
  const { client, state: kept, log, now } = agent;
  const { checkpointKey } = agent.options.identity;
  const alarm = await witness({
    ask: (size) => client.call('GET', `/checkpoint?size=${size}`, CheckpointReply),
    tell: async (body) => void (await client.call('POST', '/alarms', z.unknown(), { body })),
    kept,
    checkpointKey,
    log,
    now,
  });
  return alarm?.why ?? null;
}

export function logLook(agent: Pick<Looking, 'log'>, error: unknown): string {
  const why = (error as Error).message;
  agent.log.warn('The trail could not be looked at', { why });
  return why;
}
