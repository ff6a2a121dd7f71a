import { join } from 'node:path';
import type { EnrollReply, CheckInRequest } from '../../model/agent.ts';
import type { LocalHost } from '../../host/local.ts';
import type { AgentConfig } from '../config.ts';
import { renewalDue } from '../renew.ts';
import type { Absence } from './absence.ts';
import type { Handover, Times } from './handover.ts';

interface Resting {
  host: LocalHost;
  stateDir: string;
  config: AgentConfig;
  identity: EnrollReply;
  /** digest of an update that runs in place of the installed program */
  chosen: Handover['chosen'];
  checkIn: CheckInRequest;
  shell: number | null;
  answered: string | null;
  pollSeconds: number;
  factsSeconds: number;
  times: Times;
  absence: Absence | null;
  settleAt: number | null;
  now: number;
}

/** A server that could not renew is asked again after an hour, not all the time. */
const RENEW_AGAIN_MS = 3_600_000;

/** What an agent with nothing to do leaves to the small program that waits in its place. */
export function handoverOf(given: Resting): Handover {
  const { host, stateDir, config, identity, now } = given;
  const due = renewalDue(identity.certificate).getTime();
  return {
    chosen: given.chosen,
    server: config.server,
    ca: config.ca,
    certificate: identity.certificate,
    checkpointKey: identity.checkpointKey,
    keyFile: host.real(join(stateDir, 'agent.key')),
    stateDir: host.real(stateDir),
    renewAt: due <= now ? now + RENEW_AGAIN_MS : due,
    settleAt: given.settleAt,
    checkIn: given.checkIn,
    shell: given.shell,
    answered: given.answered,
    pollSeconds: given.pollSeconds,
    factsSeconds: given.factsSeconds,
    times: given.times,
    absence: given.absence,
  };
}
