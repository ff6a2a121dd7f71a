import { randomUUID } from 'node:crypto';
import { systemActor } from '../../model/actor.ts';
import type { Deployment } from '../../model/deployment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import { plainText } from '../../model/text.ts';
import type { Platform } from '../../platform/context.ts';
import type { Discovery } from '../discovery/index.ts';
import { adopt } from './agentless.ts';
import { deployTo, type Deployed } from './deploy.ts';
import { mayRun, type Standing } from './deployment-start.ts';
import { within } from './logic/hours.ts';
import {
  brokenHosts,
  claimDeploymentHost,
  deploymentHosts,
  deploymentRow,
  failAbandoned,
  holdDeployment,
  letGoOfDeployment,
  moveDeployment,
  setDeploymentHost,
  stopWaiting,
  takeDeployment,
  type DeploymentHostRow,
  type DeploymentRow,
} from './store-deployments.ts';
import { credentials, type CredentialRow } from './store-login.ts';
import { agentByHost } from './store.ts';

/** Who is at a host says so every few seconds; who does not for this long is dead, and another may begin. */
const CLAIM_MS = 60_000;
const RENEW_MS = 10_000;
const AGAIN_SECONDS = 15;
const ACTOR = systemActor('enrollment.deploy');

interface Run {
  /** names this run in all that it takes */
  holder: string;
  platform: Platform;
  discovery: Discovery;
  row: DeploymentRow;
  standing: Standing;
  allowed: CredentialRow[];
  checkpointKey: () => Promise<string>;
}

/**
 * Job: install on every host that has no result yet, wave after wave. Run again after a crash, it goes on with the hosts
 * that are left; those that somebody is still at, it comes back for.
 */
export async function runDeployment(
  platform: Platform,
  discovery: Discovery,
  id: string,
  checkpointKey: () => Promise<string>,
): Promise<void> {
  const standing = await mayRun(platform, discovery, id);
  const row = await deploymentRow(platform.db, id);
  if (row?.state !== 'running') return;
  const until = (): Date => new Date(platform.now().getTime() + CLAIM_MS);
  const holder = randomUUID();
  // One that is carried out already would go at double its pace.
  if (!(await takeDeployment(platform.db, id, { holder, now: platform.now(), until: until() }))) return;
  const renewal = setInterval(
    () => void holdDeployment(platform.db, id, holder, until()).catch(() => undefined),
    RENEW_MS,
  );
  try {
    const allowed = await loginsOf(platform, row);
    const isOver =
      standing === null
        ? await wind(platform, id)
        : await goOn({ holder, platform, discovery, row, standing, checkpointKey, allowed });
    if (isOver) await finish(platform, id);
    else await comeBack(platform, id);
  } finally {
    clearInterval(renewal);
    await letGoOfDeployment(platform.db, id, holder);
  }
}

/** What nothing stands behind any more comes to its end without another host. False: somebody is at one yet. */
async function wind(platform: Platform, id: string): Promise<boolean> {
  const why = 'whoever was at it ended, and it must not be gone on with: look at the host, and deploy to it anew';
  await failAbandoned(platform.db, id, why, platform.now());
  return (await deploymentHosts(platform.db, id)).every((host) => host.state !== 'running');
}

/** Wave after wave. False: somebody else is at what is left. */
async function goOn(run: Run): Promise<boolean> {
  const { platform, row } = run;
  for (;;) {
    const hosts = await deploymentHosts(platform.db, row.id);
    const why = hosts.some((host) => host.state === 'waiting') ? await stopReason(run) : null;
    if (why !== null) await stopWaiting(platform.db, row.id, why, platform.now());
    const open = hosts.filter((host) => host.state === 'running' || (why === null && host.state === 'waiting'));
    if (open.length === 0) return true;
    const wave = open.filter((host) => host.wave === open[0]!.wave);
    if ((await workOff(run, wave, why !== null)) === 0) return false;
  }
}

async function comeBack(platform: Platform, id: string): Promise<void> {
  const later = { startAfterSeconds: AGAIN_SECONDS, singletonKey: id };
  await platform.queue.enqueue('enrollment.deploy', { deploymentId: id }, later);
}

async function loginsOf(platform: Platform, row: DeploymentRow): Promise<CredentialRow[]> {
  const rows = await credentials(platform.db);
  return row.credential_ids.flatMap((id) => rows.filter((one) => one.id === id));
}

/** Why no further host is begun with, or null. */
async function stopReason({ platform, row, standing }: Run): Promise<string | null> {
  const now = platform.now();
  const current = await deploymentRow(platform.db, row.id);
  if (current?.state !== 'running' || current.why !== null) return current?.why ?? 'it was cancelled';
  if (row.not_after !== null && now > row.not_after) return `its time was over at ${row.not_after.toISOString()}`;
  if (standing.rule && !(await standing.rule.holds())) return `the rule ${standing.rule.name} does not hold any more`;
  const broken = await brokenHosts(platform.db, row.id);
  if (broken.length <= row.max_failed) return null;
  const some = `${broken.slice(0, 3).join(', ')}${broken.length > 3 ? ', …' : ''}`;
  return `on ${broken.length} hosts the installation broke after it had begun (${some}); ${row.max_failed} were allowed`;
}

/**
 * Works on these hosts, so many at a time. Returns how many it could begin with. `begun`: they were begun before, by a
 * worker that is gone or is at them still, so nothing stops them any more.
 */
async function workOff(run: Run, wave: readonly DeploymentHostRow[], begun: boolean): Promise<number> {
  const { platform, row, standing } = run;
  const queue = wave.map((host) => host.host_id);
  const broken: unknown[] = [];
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let hostId = queue.shift(); hostId; hostId = queue.shift()) {
      const waits = !within(standing.rule?.hours ?? null, platform.now()) || (await stopReason(run)) !== null;
      if (waits && !begun) return;
      // One host must not end the lane, or the job would begin again beside the lanes that are left.
      if (await deployOne(run, hostId).catch((error: unknown) => void broken.push(error))) done += 1;
    }
  };
  await Promise.all(Array.from({ length: row.concurrency }, lane));
  if (broken.length > 0) throw broken[0];
  return done;
}

/** False: somebody else is at it. */
async function deployOne(run: Run, hostId: string): Promise<boolean> {
  const { platform, row, holder } = run;
  const until = (): Date => new Date(platform.now().getTime() + CLAIM_MS);
  const at = { holder, now: platform.now(), until: until() };
  if (!(await claimDeploymentHost(platform.db, row.id, hostId, at))) return false;
  const renewal = setInterval(() => {
    // Missed once or twice it still holds.
    void say(run, hostId, { claimed_until: until() }).catch(() => undefined);
  }, RENEW_MS);
  try {
    await installOn(run, hostId);
    return true;
  } finally {
    clearInterval(renewal);
  }
}

const say = (
  { platform, row, holder }: Run,
  hostId: string,
  set: Parameters<typeof setDeploymentHost>[2],
): Promise<boolean> => setDeploymentHost(platform.db, { id: row.id, hostId, holder }, set);

async function installOn(run: Run, hostId: string): Promise<void> {
  const { platform, discovery, row, standing } = run;
  await platform.events.publish('agents', { deploymentId: row.id, hostId });
  try {
    const host = await discovery.host(hostId);
    if (!host) throw new AppError('NOT_FOUND', { what: 'host', id: hostId, list: 'hosts' });
    const refused = standing.refuses(host);
    if (refused !== null) throw new AppError('DEPLOY_NOT_APPROVED', { host: host.name, why: refused });
    const touch = async (): Promise<void> => void (await say(run, hostId, { touched: true }));
    const isThere = !row.forced && !row.agentless && (await agentByHost(platform.db, hostId))?.state === 'active';
    // It came by another door meanwhile, or by us, before whoever was at it ended.
    const there = { credential: null, note: 'its agent reports already' };
    const { credential, note } = isThere ? there : await open(run, host, touch);
    await say(run, hostId, { state: 'done', credential, why: note, finished_at: platform.now() });
  } catch (error) {
    await recordFailure(run, hostId, error);
  }
  await platform.events.publish('agents', { deploymentId: row.id, hostId });
}

async function open(run: Run, host: Host, touch: () => Promise<void>): Promise<Deployed> {
  const { platform, discovery, row, standing, allowed, checkpointKey } = run;
  const allows = (address: string): boolean => standing.allows(host, address);
  const how = { credentials: allowed, by: row.created_by, allows };
  return row.agentless
    ? { credential: await adopt(platform, discovery, host, { ...how, checkpointKey }), note: null }
    : deployTo(platform, discovery, host, { ...how, touch });
}

/** What went wrong in words for the person who asked; anything we did not foresee goes to the log with its stack. */
async function recordFailure(run: Run, hostId: string, error: unknown): Promise<void> {
  const { platform, discovery, row } = run;
  if (!(error instanceof AppError))
    platform.log.error({ error, deploymentId: row.id, hostId }, 'deployment to a host broke');
  const why = plainText(error instanceof Error ? error.message : String(error));
  if (!(await say(run, hostId, { state: 'failed', why, finished_at: platform.now() }))) return;
  const host = await discovery.host(hostId);
  if (!host || host.management === 'managed') return;
  const entry = {
    type: 'enrollment.host.unmanageable',
    subject: { kind: 'host' as const, id: host.id, name: host.name },
    detail: { why },
  };
  await platform.act(ACTOR, entry, (tx) => discovery.setManagement(tx, host.id, 'unmanageable', why));
}

async function finish(platform: Platform, id: string): Promise<void> {
  const hosts = await deploymentHosts(platform.db, id);
  const why = hosts.find((host) => host.state === 'stopped')?.why ?? null;
  const detail = {
    ...(why === null ? {} : { why }),
    hosts: hosts.map((host) => ({
      hostId: host.host_id,
      name: host.host_name,
      ok: host.state === 'done',
      state: host.state satisfies Deployment['hosts'][number]['state'],
      why: host.why,
      credential: host.credential,
    })),
  };
  const related = hosts.map((host) => ({ kind: 'host' as const, id: host.host_id, name: host.host_name }));
  await platform.observe(ACTOR, async (tx) => {
    // Two jobs may come to the end together; it is told once.
    if (!(await moveDeployment(tx.db, id, ['running'], { state: 'done', finished_at: tx.now, why }))) return;
    await tx.record({ type: 'enrollment.deployment.finished', subject: { kind: 'deployment', id }, related, detail });
    await tx.publish('agents', { deploymentId: id });
  });
}
