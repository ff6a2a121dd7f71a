import type { Actor } from '../../model/actor.ts';
import type { Deployment, DeploymentInput } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import { plainText } from '../../model/text.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { adopt } from './agentless.ts';
import { deployTo } from './deploy.ts';
import { mayBeTriedUnnamed } from './logic/binding.ts';
import {
  claimDeploymentHost,
  credentials,
  deploymentCredentials,
  deploymentHosts,
  deployments,
  finishDeployment,
  insertDeployment,
  setDeploymentHost,
  unpinKeys,
  viaOf,
  type CredentialRow,
  type DeploymentHostRow,
} from './store-deployment.ts';

/** Hosts that are worked on at one time by one worker. */
const CONCURRENCY = 4;
/** Who is at a host says so every few seconds; who does not for this long is dead, and another may begin. */
const CLAIM_MS = 60_000;
const RENEW_MS = 10_000;
const AGAIN_SECONDS = 15;

export async function createDeployment(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  input: DeploymentInput,
): Promise<Deployment> {
  const hosts = await chooseHosts(discovery, input);
  if (hosts.length === 0) throw new AppError('DEPLOY_NOTHING');
  const chosen = await chooseCredentials(platform, input.credentials);
  const id = platform.newId('dep');
  const related = hosts.map((host) => ({ kind: 'host' as const, id: host.id, name: host.name }));
  const detail = {
    hosts: hosts.map((host) => ({ hostId: host.id, name: host.name })),
    credentials: chosen.map((c) => c.name),
    acceptHostKey: input.acceptHostKey,
    ...(input.agentless ? { agentless: true } : {}),
  };
  await platform.act(
    actor,
    { type: 'enrollment.deployment.started', subject: { kind: 'deployment', id }, related, detail },
    async (tx) => {
      await insertDeployment(tx.db, {
        id,
        at: tx.now,
        by: actor.name,
        hosts,
        credentials: chosen.map((c) => c.id),
        agentless: input.agentless,
      });
      if (input.acceptHostKey)
        await unpinKeys(
          tx.db,
          chosen.map(viaOf),
          hosts.flatMap((host) => host.addresses),
        );
      await tx.enqueue('enrollment.deploy', { deploymentId: id });
    },
  );
  const [made] = await deployments(platform.db, [id]);
  return made!;
}

async function chooseHosts(discovery: Discovery, input: DeploymentInput): Promise<Host[]> {
  const named = input.hostIds ? await discovery.hosts({ ids: input.hostIds }) : [];
  const missing = (input.hostIds ?? []).filter((id) => !named.some((host) => host.id === id));
  if (missing[0]) throw new AppError('NOT_FOUND', { what: 'host', id: missing[0], list: 'hosts' });
  const tagged = input.tag ? await discovery.hosts({ tag: input.tag }) : [];
  const unknown = input.unknown ? (await discovery.hosts()).filter((host) => host.claim !== 'ignored') : [];
  const byId = new Map([...named, ...tagged, ...unknown].map((host) => [host.id, host]));
  // What is looked after over SSH may still get an agent.
  const hasEnough = (host: Host): boolean =>
    host.management === 'managed' && (input.agentless || host.agentId !== null);
  return [...byId.values()].filter((host) => input.force || !hasEnough(host));
}

/** The straight way before any that leads through a bastion, which is slower and is not meant for everybody. */
const unnamed = (all: readonly CredentialRow[]): CredentialRow[] =>
  all.filter(mayBeTriedUnnamed).toSorted((a, b) => Number(a.via !== null) - Number(b.via !== null));

async function chooseCredentials(platform: Platform, names: string[] | undefined): Promise<CredentialRow[]> {
  const all = await credentials(platform.db);
  const missing = names?.find((name) => !all.some((row) => row.name === name));
  if (missing) throw new AppError('NOT_FOUND', { what: 'credential', id: missing, list: 'credential list' });
  const chosen = names ? names.map((name) => all.find((row) => row.name === name)!) : unnamed(all);
  if (chosen.length === 0) throw new AppError('DEPLOY_NO_CREDENTIAL');
  return chosen;
}

/**
 * Job: install on every host that has no result yet. Run again after a crash, it goes on with the hosts that are left;
 * those that somebody is still at, it comes back for.
 */
export async function runDeployment(platform: Platform, discovery: Discovery, id: string): Promise<void> {
  const [deployment] = await deployments(platform.db, [id]);
  if (!deployment || deployment.state === 'done') return;
  const queue = (await openHosts(platform, id)).map((host) => host.host_id);
  const allowed = await credentialsOf(platform, id);
  const broken: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let hostId = queue.shift(); hostId; hostId = queue.shift())
      // One host must not end the lane, or the job would begin again beside the lanes that are left.
      await deployOne(platform, discovery, deployment, hostId, allowed).catch((error: unknown) => broken.push(error));
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  if (broken.length > 0) throw broken[0];
  if ((await openHosts(platform, id)).length === 0) return finish(platform, id);
  const later = { startAfterSeconds: AGAIN_SECONDS, singletonKey: id };
  await platform.queue.enqueue('enrollment.deploy', { deploymentId: id }, later);
}

const openHosts = async (platform: Platform, id: string): Promise<DeploymentHostRow[]> =>
  (await deploymentHosts(platform.db, id)).filter((host) => host.state === 'waiting' || host.state === 'running');

async function credentialsOf(platform: Platform, deploymentId: string): Promise<CredentialRow[]> {
  const ids = await deploymentCredentials(platform.db, deploymentId);
  const rows = await credentials(platform.db);
  return ids.flatMap((credentialId) => rows.filter((row) => row.id === credentialId));
}

async function deployOne(
  platform: Platform,
  discovery: Discovery,
  deployment: Pick<Deployment, 'id' | 'createdBy' | 'agentless'>,
  hostId: string,
  allowed: CredentialRow[],
): Promise<void> {
  const until = (): Date => new Date(platform.now().getTime() + CLAIM_MS);
  const claim = { now: platform.now(), until: until() };
  if (!(await claimDeploymentHost(platform.db, deployment.id, hostId, claim))) return;
  const renewal = setInterval(() => {
    // Missed once or twice it still holds.
    void setDeploymentHost(platform.db, deployment.id, hostId, { claimed_until: until() }).catch(() => undefined);
  }, RENEW_MS);
  try {
    await installOn(platform, discovery, deployment, hostId, allowed);
  } finally {
    clearInterval(renewal);
  }
}

async function installOn(
  platform: Platform,
  discovery: Discovery,
  deployment: Pick<Deployment, 'id' | 'createdBy' | 'agentless'>,
  hostId: string,
  allowed: CredentialRow[],
): Promise<void> {
  await platform.events.publish('agents', { deploymentId: deployment.id, hostId });
  try {
    const host = await discovery.host(hostId);
    if (!host) throw new AppError('NOT_FOUND', { what: 'host', id: hostId, list: 'hosts' });
    const given = [platform, discovery, host, allowed, deployment.createdBy] as const;
    const used = deployment.agentless ? { credential: await adopt(...given), note: null } : await deployTo(...given);
    await setDeploymentHost(platform.db, deployment.id, hostId, {
      state: 'done',
      credential: used.credential,
      why: used.note,
      finished_at: platform.now(),
    });
  } catch (error) {
    await recordFailure(platform, discovery, deployment.id, hostId, error);
  }
  await platform.events.publish('agents', { deploymentId: deployment.id, hostId });
}

/** What went wrong in words for the person who asked; anything we did not foresee goes to the log with its stack. */
async function recordFailure(
  platform: Platform,
  discovery: Discovery,
  deploymentId: string,
  hostId: string,
  error: unknown,
): Promise<void> {
  if (!(error instanceof AppError)) platform.log.error({ error, deploymentId, hostId }, 'deployment to a host broke');
  const why = plainText(error instanceof Error ? error.message : String(error));
  await setDeploymentHost(platform.db, deploymentId, hostId, { state: 'failed', why, finished_at: platform.now() });
  const host = await discovery.host(hostId);
  if (host && host.management !== 'managed') await markUnmanageable(platform, discovery, host, why);
}

async function markUnmanageable(platform: Platform, discovery: Discovery, host: Host, why: string): Promise<void> {
  const entry = {
    type: 'enrollment.host.unmanageable',
    subject: { kind: 'host' as const, id: host.id, name: host.name },
    detail: { why },
  };
  await platform.act({ kind: 'system', id: 'system', name: 'enrollment.deploy' }, entry, (tx: Tx) =>
    discovery.setManagement(tx, host.id, 'unmanageable', why),
  );
}

async function finish(platform: Platform, id: string): Promise<void> {
  const hosts = await deploymentHosts(platform.db, id);
  const detail = {
    hosts: hosts.map((host) => ({
      hostId: host.host_id,
      name: host.host_name,
      ok: host.state === 'done',
      why: host.why,
      credential: host.credential,
    })),
  };
  const related = hosts.map((host) => ({ kind: 'host' as const, id: host.host_id, name: host.host_name }));
  await platform.observe({ kind: 'system', id: 'system', name: 'enrollment.deploy' }, async (tx) => {
    // Two jobs may come to the end together; it is told once.
    if (!(await finishDeployment(tx.db, id, tx.now))) return;
    await tx.record({ type: 'enrollment.deployment.finished', subject: { kind: 'deployment', id }, related, detail });
    await tx.publish('agents', { deploymentId: id });
  });
}
