import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { newSerial, withAuthority } from './authority.ts';
import { runDeployment } from './deployments.ts';
import type { Enrollment } from './face.ts';
import { issueListener } from './logic/certificates.ts';
import { lookOver } from './looks.ts';
import { markLostAgents } from './presence.ts';
import { revokeAgent } from './revoke.ts';
import { enrollmentAgentRoutes, enrollmentRoutes } from './routes.ts';
import { askLooks, dueAccess } from './store-access.ts';
import { stopOverdue } from './update-progress.ts';
import { agentByFingerprint, agentByHost, agentById, allAgents } from './store.ts';

export type { AgentRecord, Enrollment } from './face.ts';

/** `checkpointKey`: the trail's verifier key line, which agents pin when they enrol. */
export function createEnrollment(
  platform: Platform,
  discovery: Discovery,
  checkpointKey: () => Promise<string>,
): Enrollment {
  const looker = { platform, discovery, caches: new Map() };
  return {
    agent: (agentId) => agentById(platform.db, agentId),
    agentOfHost: (hostId) => agentByHost(platform.db, hostId),
    agents: () => allAgents(platform.db),
    authenticate: async (fingerprint) => {
      const agent = await agentByFingerprint(platform.db, fingerprint);
      return agent && agent.state !== 'revoked' ? { agentId: agent.id, hostId: agent.hostId } : null;
    },
    listenerIdentity: () =>
      withAuthority(platform, async (authority) => {
        const hosts = [...new Set([hostOf(platform.config.agentAddress), 'localhost', '127.0.0.1'])];
        return {
          ...(await issueListener(authority, { hosts, serial: newSerial(), now: platform.now() })),
          ca: authority.certificate,
        };
      }),
    askLooks: (tx, hostIds) => askLooks(tx.db, hostIds, tx.now),
    dueForLook: (limit) => dueAccess(platform.db, platform.now(), limit),
    lookOver: (hostId, take) => lookOver(looker, hostId, take),
    revoke: (tx, agentId, reason) => revokeAgent(discovery, tx, agentId, reason),
    routes: enrollmentRoutes(platform, discovery),
    agentRoutes: enrollmentAgentRoutes(platform, discovery, checkpointKey),
    jobs: {
      'enrollment.deploy': ({ deploymentId }) => runDeployment(platform, discovery, deploymentId),
      'enrollment.lost-agents': async () => {
        await markLostAgents(platform, discovery);
        await stopOverdue(platform);
      },
    },
    schedules: [{ job: 'enrollment.lost-agents', cron: '* * * * *' }],
  };
}

/** `server.example:7415` or `[::1]:7415` → the host part. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
