import * as z from 'zod';
import {
  CheckInReply,
  CheckInRequest,
  EnrollReply,
  EnrollRequest,
  GoodbyeReply,
  GoodbyeRequest,
  RenewReply,
  RenewRequest,
} from '../../model/agent.ts';
import { MAY } from '../../model/actor.ts';
import { Access, Agent, Credential, CredentialInput } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Discovery } from '../discovery/index.ts';
import { endAccess } from './agentless.ts';
import { addCredential, listCredentials, removeCredential } from './credentials.ts';
import { enroll } from './enroll.ts';
import { goodbye } from './goodbye.ts';
import { checkIn, type PresenceOptions } from './presence.ts';
import { LAPSED_DAYS, renew } from './renew.ts';
import { programRoute, updateRoutes } from './routes-updates.ts';
import { revokeAgent } from './revoke.ts';
import { deploymentRoutes } from './routes-deployments.ts';
import { scannerAdminRoutes, scannerEnrollRoutes } from './routes-scanners.ts';
import { onceRoutes } from './routes-once.ts';
import { installerRoutes, tokenRoutes } from './routes-tokens.ts';
import { uninstallRoutes } from './routes-uninstall.ts';
import { allAccess } from './store-access.ts';
import { allAgents } from './store.ts';

const Done = z.object({ ok: z.literal(true) });
const done = { ok: true as const };

export function enrollmentRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    ...credentialRoutes(platform, discovery),
    ...deploymentRoutes(platform, discovery),
    ...accessRoutes(platform, discovery),
    ...agentAdminRoutes(platform, discovery),
    ...tokenRoutes(platform),
    ...onceRoutes(platform, discovery),
    ...uninstallRoutes(platform, discovery),
    ...updateRoutes(platform, discovery),
    ...scannerAdminRoutes(platform, discovery),
  ];
}

function credentialRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'GET',
      path: '/credentials',
      id: 'listCredentials',
      summary: 'Credentials for hosts without an agent; never their secrets',
      access: MAY.operate,
      reply: z.object({ items: z.array(Credential) }),
      handler: async () => ({ items: await listCredentials(platform, discovery) }),
    }),
    route({
      method: 'POST',
      path: '/credentials',
      id: 'addCredential',
      summary: 'Store a login; the secret goes into the vault and is never read back',
      access: MAY.operate,
      body: CredentialInput,
      reply: Credential,
      status: 201,
      handler: ({ actor, body }) => addCredential(platform, discovery, actor, body),
    }),
    route({
      method: 'DELETE',
      path: '/credentials/:name',
      id: 'removeCredential',
      summary: 'Forget a login and its secret',
      access: MAY.operate,
      params: z.object({ name: z.string() }),
      reply: Done,
      handler: async ({ actor, params }) => {
        await removeCredential(platform, actor, params.name);
        return done;
      },
    }),
  ];
}

function accessRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'GET',
      path: '/access',
      id: 'listAccess',
      summary: 'Hosts that are looked after over SSH, without an agent',
      access: MAY.read,
      reply: z.object({ items: z.array(Access) }),
      handler: async () => ({ items: await allAccess(platform.db) }),
    }),
    route({
      method: 'DELETE',
      path: '/access/:hostId',
      id: 'endAccess',
      summary: 'Look after this host over SSH no more; what is known of it stays',
      access: MAY.operate,
      params: z.object({ hostId: z.string() }),
      reply: Done,
      handler: async ({ actor, params }) => {
        const host = await discovery.host(params.hostId);
        if (!host) throw new AppError('NOT_FOUND', { what: 'host', id: params.hostId, list: 'hosts' });
        await endAccess(platform, discovery, actor, host);
        return done;
      },
    }),
  ];
}

function agentAdminRoutes(platform: Platform, discovery: Discovery): Route[] {
  return [
    route({
      method: 'GET',
      path: '/agents',
      id: 'listAgents',
      summary: 'Agents with version, state and last check-in',
      access: MAY.read,
      reply: z.object({ items: z.array(Agent) }),
      handler: async () => ({ items: await allAgents(platform.db) }),
    }),
    route({
      method: 'POST',
      path: '/agents/:id/revoke',
      id: 'revokeAgent',
      summary: 'Refuse this agent from now on',
      access: MAY.admin,
      params: z.object({ id: z.string() }),
      body: z.object({ reason: z.string().min(3).max(500) }).strict(),
      reply: Done,
      handler: async ({ actor, params, body }) => {
        await platform.observe(actor, (tx) => revokeAgent(discovery, tx, params.id, body.reason));
        return done;
      },
    }),
  ];
}

/** The agents' side, on the mutual-TLS listener. */
export function enrollmentAgentRoutes(
  platform: Platform,
  discovery: Discovery,
  checkpointKey: () => Promise<string>,
  options: PresenceOptions = {},
): Route[] {
  return [
    ...installerRoutes(platform),
    ...scannerEnrollRoutes(platform, discovery),
    route({
      method: 'POST',
      path: '/enroll',
      id: 'agentEnroll',
      summary: 'A new agent shows its token and certificate request',
      access: 'enroll',
      body: EnrollRequest,
      reply: EnrollReply,
      handler: ({ body, ip }) => enroll(platform, discovery, checkpointKey, body, ip),
    }),
    route({
      method: 'POST',
      path: '/check-in',
      id: 'agentCheckIn',
      summary: 'An agent is alive',
      access: 'agent',
      body: CheckInRequest,
      reply: CheckInReply,
      handler: ({ agent, body, ip }) => checkIn(platform, discovery, { ...agent!, ip }, body, options),
    }),
    route({
      method: 'POST',
      path: '/goodbye',
      id: 'agentGoodbye',
      summary: 'An agent ends and says why',
      access: 'agent',
      body: GoodbyeRequest,
      reply: GoodbyeReply,
      handler: ({ agent, body, ip }) => goodbye(platform, discovery, { ...agent!, ip }, body),
    }),
    route({
      method: 'POST',
      path: '/renew',
      id: 'agentRenew',
      summary: 'An agent asks for a new certificate for its key',
      access: 'agent',
      lapsedDays: LAPSED_DAYS,
      body: RenewRequest,
      reply: RenewReply,
      handler: ({ agent, body }) => renew(platform, agent!, body),
    }),
    programRoute(platform),
  ];
}
