import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { newSerial, withAuthority } from './authority.ts';
import { runDeployment } from './run-deployment.ts';
import { tick } from './rules.ts';
import type { Enrollment } from './face.ts';
import { issueListener } from './logic/certificates.ts';
import { lookOver } from './looks.ts';
import { eraseOnce } from './once.ts';
import { markLostAgents, type PresenceOptions } from './presence.ts';
import { revokeAgent } from './revoke.ts';
import { authenticateScanner } from './scanners.ts';
import { enrollmentAgentRoutes, enrollmentRoutes } from './routes.ts';
import { overSsh } from './over-ssh.ts';
import { accessOf, askLooks, dueAccess } from './store-access.ts';
import { stopOverdue } from './update-progress.ts';
import { agentByFingerprint, agentByHost, agentById, allAgents } from './store.ts';

export type { AgentRecord, Enrollment } from './face.ts';
export type { SshAccess } from './store-access.ts';
export type { SshWork } from './over-ssh.ts';

/** `checkpointKey`: the trail's verifier key line, which agents pin when they enrol. */
export function createEnrollment(
  platform: Platform,
  discovery: Discovery,
  checkpointKey: () => Promise<string>,
  options: PresenceOptions = {},
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
    authenticateScanner: (fingerprint) => authenticateScanner(platform, fingerprint),
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
    sshAccess: async (hostId) => accessOf(platform.db, hostId),
    overSsh: (hostId, work) => overSsh(looker, hostId, work),
    lookOver: (hostId, take) => lookOver(looker, hostId, take),
    revoke: (tx, agentId, reason) => revokeAgent(discovery, tx, agentId, reason),
    routes: enrollmentRoutes(platform, discovery),
    agentRoutes: enrollmentAgentRoutes(platform, discovery, checkpointKey, options),
    jobs: {
      'enrollment.deploy': async ({ deploymentId }) => {
        await runDeployment(platform, discovery, deploymentId, checkpointKey);
        await eraseOnce(platform);
      },
      'enrollment.lost-agents': async () => {
        await markLostAgents(platform, discovery);
        await stopOverdue(platform);
        await eraseOnce(platform);
      },
      'enrollment.tick': () => tick(platform, discovery),
    },
    schedules: [
      { job: 'enrollment.lost-agents', cron: '* * * * *' },
      { job: 'enrollment.tick', cron: '* * * * *' },
    ],
  };
}

/** `server.example:7415` or `[::1]:7415` → the host part. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
