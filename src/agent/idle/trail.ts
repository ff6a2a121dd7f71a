import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CheckpointReply } from '../../model/agent.ts';
import { witness } from '../../host/tasks/witness.ts';
import type { Log } from '../log.ts';
import type { Handover } from './handover.ts';
import type { Waiter } from './wait.ts';

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Does the server's history continue the one that was seen? The same judgement as when there is work; what is wrong is
 * left to the whole program, which looks again and raises the alarm. One that stands already is no news.
 */
export async function trailIsSound({ stateDir, checkpointKey }: Handover, ask: Waiter['ask']): Promise<boolean> {
  const path = join(stateDir, 'checkpoint');
  if (existsSync(join(stateDir, 'alarm.json'))) return true;
  const alarm = await witness({
    ask: async (size) => {
      const { status, text } = await ask('GET', `/checkpoint?size=${size}`, {});
      const reply = JSON.parse(text) as CheckpointReply;
      if (status >= 400 || typeof reply.checkpoint !== 'string' || !Array.isArray(reply.consistency))
        throw new Error(`it answered ${status}`);
      return reply;
    },
    tell: async () => {},
    kept: {
      alarm: async () => null,
      saveAlarm: async () => {},
      checkpoint: async () => (existsSync(path) ? readFileSync(path, 'utf8') : null),
      saveCheckpoint: async (text) => replace(path, text),
    },
    checkpointKey,
    log: SILENT,
    now: () => new Date(),
  });
  return alarm === null;
}

/** Whole or not at all, whenever the power goes. */
function replace(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  const directory = openSync(dirname(path), 'r');
  fsyncSync(directory);
  closeSync(directory);
}
