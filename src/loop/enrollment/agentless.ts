import { systemActor, type Actor } from '../../model/actor.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { DbOrTx, Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { withinDeadline } from './deadline.ts';
import { hangUp, mustBeRoot } from './looks.ts';
import { reach } from './login.ts';
import { deleteAccess, putAccess } from './store-access.ts';
import type { CredentialRow } from './store-login.ts';
import { agentByHost } from './store.ts';

interface How {
  credentials: CredentialRow[];
  /** who asked for it */
  by: string;
  /** addresses of the host that may be logged in to */
  allows(address: string): boolean;
  checkpointKey(): Promise<string>;
}

/**
 * From now on this host is looked after over SSH. The login is tried first, and must be root. Returns the name of the
 * credential that worked.
 */
export async function adopt(
  platform: Platform,
  discovery: Discovery,
  host: Host,
  { credentials, by, allows, checkpointKey }: How,
): Promise<string> {
  await mustHaveNoAgent(platform.db, host);
  const limit = { host: host.name, seconds: platform.config.deploySeconds };
  return withinDeadline(limit, async (step, hold) => {
    const { remote, credential } = await reach(platform, discovery, host, credentials, step, allows);
    hold(hangUp(remote));
    await mustBeRoot(host, remote, step);
    const subject = { kind: 'host' as const, id: host.id, name: host.name };
    // As agents do when they enrol: who may decide over this host is settled now, not by whoever is added later.
    const pins = { approverKeys: await platform.approverKeys(), checkpointKey: await checkpointKey() };
    const id = platform.newId('access');
    const detail = {
      credential: credential.name,
      host: host.name,
      accessId: id,
      approverKeyIds: pins.approverKeys.map(({ keyId }) => keyId),
    };
    await platform.act(
      systemActor(`enrollment.deploy for ${by}`),
      { type: 'enrollment.access.granted', subject, detail },
      async (tx) => {
        await mustHaveNoAgent(tx.db, host);
        await putAccess(tx.db, { hostId: host.id, id, credentialId: credential.id, at: tx.now, by, ...pins });
        await discovery.setManagement(
          tx,
          host.id,
          'managed',
          `looked after over SSH as ${credential.username}, without an agent`,
        );
        await tx.enqueue('audit.collect', { hostId: host.id }, { singletonKey: host.id });
        await tx.publish('agents', { hostId: host.id });
      },
    );
    return credential.name;
  });
}

async function mustHaveNoAgent(db: DbOrTx, host: Host): Promise<void> {
  const agent = await agentByHost(db, host.id);
  if (agent?.state === 'active') throw new AppError('AGENTLESS_HAS_AGENT', { host: host.name, agent: agent.id });
}

/** Its facts stay, and age. */
export async function endAccess(platform: Platform, discovery: Discovery, actor: Actor, host: Host): Promise<void> {
  await platform.act(
    actor,
    { type: 'enrollment.access.ended', subject: { kind: 'host', id: host.id, name: host.name } },
    async (tx) => {
      if (!(await deleteAccess(tx.db, host.id)))
        throw new AppError('NOT_FOUND', { what: 'SSH access', id: host.name, list: 'access list' });
      // An agent that is back looks after it by itself.
      if ((await agentByHost(tx.db, host.id))?.state === 'active') return;
      await discovery.setManagement(tx, host.id, 'unmanaged', 'it is not looked after over SSH any more');
    },
  );
}
