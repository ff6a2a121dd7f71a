import type { AlarmRequest, CheckpointReply } from '../../model/agent.ts';
import type { Checkpoint } from '../../model/trail.ts';
import type { Module, Platform } from '../../platform/context.ts';
import { raiseAlarm } from './alarms.ts';
import { renderDocument } from './documents/render.ts';
import { follow } from './follow.ts';
import { verifierLine } from './key.ts';
import { checkpointFor, toCheckpoint, trailAgentRoutes, trailRoutes } from './routes.ts';
import { notifierRoutes } from './notify/routes.ts';
import { notify } from './notify/run.ts';
import { sequence } from './sequence.ts';
import { latestCheckpoint } from './store.ts';

export interface Trail extends Module {
  checkpoint(): Promise<Checkpoint | null>;
  /** As agents are shown it and answer, for hosts that have none. */
  history: {
    checkpoint(size: number): Promise<CheckpointReply>;
    alarm(at: { agentId: string; hostId: string }, alarm: AlarmRequest): Promise<void>;
  };
  /** C2SP verifier key line: what agents and offline verifiers pin. */
  verifierKey(): Promise<string>;
  /** Sequences soon after anything was committed (the timer alone would take a minute). Returns the stop function. */
  follow(): () => Promise<void>;
}

export function createTrail(platform: Platform): Trail {
  return {
    checkpoint: async () => {
      const last = await latestCheckpoint(platform.db);
      return last && toCheckpoint(last, platform);
    },
    history: {
      checkpoint: (size) => checkpointFor(platform, size),
      alarm: (at, alarm) => raiseAlarm(platform, at, alarm),
    },
    verifierKey: () => verifierLine(platform),
    follow: () => follow(platform),
    routes: [...trailRoutes(platform), ...notifierRoutes(platform)],
    agentRoutes: trailAgentRoutes(platform),
    jobs: {
      'trail.sequence': () => sequence(platform),
      'trail.notify': () => notify(platform),
      'trail.document': ({ kind, id }) => renderDocument(platform, kind, id),
    },
    schedules: [
      { job: 'trail.sequence', cron: '* * * * *' },
      { job: 'trail.notify', cron: '* * * * *' },
    ],
  };
}
