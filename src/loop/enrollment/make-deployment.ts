import { randomBytes } from 'node:crypto';
import type * as z from 'zod';
import type { Actor } from '../../model/actor.ts';
import { DeploymentInput, type Deployment, type DeploymentPlan } from '../../model/deployment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Host } from '../../model/estate.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { canonicalText, sha256 } from '../../host/canonical.ts';
import type { Discovery } from '../discovery/index.ts';
import { mayBeTriedUnnamed } from './logic/binding.ts';
import { isOnce } from './logic/once.ts';
import { waveOfEach } from './logic/waves.ts';
import {
  deploymentHosts,
  deploymentRow,
  deployments,
  insertDeployment,
  type DeploymentRow,
  type NewDeployment,
} from './store-deployments.ts';
import { credentials, unpinKeys, viaOf, type CredentialRow } from './store-login.ts';

const DAY_MS = 86_400_000;
/** How long one waits for its approval and its turn, unless told otherwise. */
const VALID_DAYS = 7;

/** A rule that asks for a deployment. Its author is the deployment's. */
export interface AskedBy {
  ruleId: string;
  author: { id: string; name: string };
}

/** Plans a deployment, and begins with it unless it waits for an approval or for its time. */
export async function createDeployment(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  asked: z.input<typeof DeploymentInput>,
  { rule, once = false }: { rule?: AskedBy; once?: boolean } = {},
): Promise<Deployment> {
  const input = DeploymentInput.parse(asked);
  const again = input.retryOf === undefined ? null : await earlier(platform, input.retryOf);
  const hosts = await chooseHosts(platform, discovery, input, again);
  if (hosts.length === 0) throw new AppError(again ? 'DEPLOY_NOTHING_LEFT' : 'DEPLOY_NOTHING');
  const chosen = await chooseCredentials(platform, input.credentials, again, (login) =>
    rule ? mayBeTriedUnnamed(login) : once || !isOnce(login.name),
  );
  const row = rowOf(platform, actor, input, { hosts, chosen, again, rule });
  const waves = waveOfEach(hosts.length, input.wave);
  const inWaves = hosts.map((host, index) => ({ ...host, wave: waves[index]! }));
  const signed = row.approvals_required === 0 ? null : signable(row, inWaves, chosen);
  const related = hosts.map((host) => ({ kind: 'host' as const, id: host.id, name: host.name }));
  const subject = { kind: 'deployment' as const, id: row.id };
  const named = {
    hosts: hosts.map((host) => ({ hostId: host.id, name: host.name })),
    ...(rule ? { rule: rule.ruleId } : {}),
  };
  const detail = signed
    ? { ...named, digest: signed.digest, plan: JSON.parse(signed.text) as DeploymentPlan }
    : { ...named, ...detailOf(row, chosen) };
  const type = row.state === 'running' ? 'enrollment.deployment.started' : 'enrollment.deployment.planned';
  await platform.act(actor, { type, subject, related, detail }, async (tx) => {
    await insertDeployment(
      tx.db,
      { ...row, created_at: tx.now, plan: signed?.text ?? null, plan_digest: signed?.digest ?? null },
      inWaves,
    );
    if (row.state === 'running' && row.accept_host_key) await forgetKeys(tx, chosen, hosts);
    if (row.state !== 'awaiting-approval') await enqueueAt(tx, row.id, row.not_before);
    await tx.publish('agents', { deploymentId: row.id });
  });
  return (await deployments(platform.db, [row.id]))[0]!;
}

interface Chosen {
  hosts: Host[];
  chosen: CredentialRow[];
  again: DeploymentRow | null;
  rule: AskedBy | undefined;
}

function rowOf(
  platform: Platform,
  actor: Actor,
  input: DeploymentInput,
  { hosts, chosen, again, rule }: Chosen,
): NewDeployment {
  const now = platform.now();
  const asks = input.ask || (rule === undefined && platform.config.deployApproval === 'required');
  const { id, name } = rule?.author ?? actor;
  const time = timeOf(input, asks, now);
  return {
    id: platform.newId('dep'),
    state: stateOf(asks, time.not_before, now),
    created_at: now,
    author: id,
    created_by: name,
    rule_id: rule?.ruleId ?? null,
    credential_ids: chosen.map((one) => one.id),
    agentless: again?.agentless ?? input.agentless,
    forced: again?.forced ?? input.force,
    accept_host_key: input.acceptHostKey,
    concurrency: input.concurrency,
    max_failed: input.maxFailed,
    ...time,
    plan: null,
    plan_digest: null,
    approvals_required: approvalsFor(platform, asks, hosts.length),
  };
}

function stateOf(asks: boolean, from: Date | null, now: Date): DeploymentRow['state'] {
  if (asks) return 'awaiting-approval';
  return from !== null && from > now ? 'scheduled' : 'running';
}

const approvalsFor = (platform: Platform, asks: boolean, hosts: number): number =>
  asks ? (hosts >= platform.config.secondApprovalHosts ? 2 : 1) : 0;

/** What is signed has a beginning and an end. */
function timeOf(
  input: Pick<DeploymentInput, 'notBefore' | 'notAfter'>,
  asks: boolean,
  now: Date,
): Pick<DeploymentRow, 'not_before' | 'not_after'> {
  const from = input.notBefore === undefined ? null : new Date(input.notBefore);
  const to = input.notAfter === undefined ? null : new Date(input.notAfter);
  const earliest = from !== null && from > now ? from : now;
  if (to !== null && to <= earliest)
    throw new AppError('DEPLOY_TIME', { from: earliest.toISOString(), to: to.toISOString() });
  if (!asks) return { not_before: from, not_after: to };
  return { not_before: from ?? now, not_after: to ?? new Date(earliest.getTime() + VALID_DAYS * DAY_MS) };
}

const detailOf = (row: NewDeployment, chosen: readonly CredentialRow[]): object => ({
  credentials: chosen.map((one) => one.name),
  acceptHostKey: row.accept_host_key,
  ...(row.agentless ? { agentless: true } : {}),
  ...(row.not_before ? { notBefore: row.not_before.toISOString() } : {}),
  ...(row.not_after ? { notAfter: row.not_after.toISOString() } : {}),
});

/** All that is going to happen, as an approver signs it. */
function signable(
  row: NewDeployment,
  hosts: readonly (Host & { wave: number })[],
  chosen: readonly CredentialRow[],
): { text: string; digest: string } {
  const plan: DeploymentPlan = {
    type: 'lastember/deployment/v1',
    deploymentId: row.id,
    author: row.author,
    nonce: randomBytes(16).toString('hex'),
    notBefore: row.not_before!.toISOString(),
    notAfter: row.not_after!.toISOString(),
    approvalsRequired: row.approvals_required,
    agentless: row.agentless,
    acceptHostKey: row.accept_host_key,
    force: row.forced,
    concurrency: row.concurrency,
    maxFailed: row.max_failed,
    credentials: chosen.map((one) => one.name),
    hosts: hosts.map(({ id, name, addresses, wave }) => ({ hostId: id, name, addresses, wave })),
  };
  const text = canonicalText(plan);
  return { text, digest: sha256(text) };
}

/** Its turn comes by this job; a timer asks for it, too. */
export async function enqueueAt(tx: Tx, id: string, at: Date | null): Promise<void> {
  const seconds = at === null ? 0 : Math.max(0, Math.ceil((at.getTime() - tx.now.getTime()) / 1000));
  await tx.enqueue(
    'enrollment.deploy',
    { deploymentId: id },
    seconds === 0 ? {} : { startAfterSeconds: seconds, singletonKey: `${id} at ${at!.toISOString()}` },
  );
}

/** The machines were rebuilt on purpose: they are taken as they are now. */
export async function forgetKeys(tx: Tx, logins: readonly CredentialRow[], hosts: readonly Host[]): Promise<void> {
  await unpinKeys(
    tx.db,
    logins.map(viaOf),
    hosts.flatMap((host) => host.addresses),
  );
}

async function earlier(platform: Platform, id: string): Promise<DeploymentRow> {
  const found = await deploymentRow(platform.db, id);
  if (!found) throw new AppError('NOT_FOUND', { what: 'deployment', id, list: 'deployment list' });
  if (found.state !== 'done' && found.state !== 'cancelled') throw new AppError('DEPLOY_NOT_OVER', { id });
  return found;
}

async function chooseHosts(
  platform: Platform,
  discovery: Discovery,
  input: DeploymentInput,
  again: DeploymentRow | null,
): Promise<Host[]> {
  const named = input.hostIds ? await discovery.hosts({ ids: input.hostIds }) : [];
  const missing = (input.hostIds ?? []).filter((id) => !named.some((host) => host.id === id));
  if (missing[0]) throw new AppError('NOT_FOUND', { what: 'host', id: missing[0], list: 'hosts' });
  const tagged = input.tag ? await discovery.hosts({ tag: input.tag }) : [];
  const unknown = input.unknown
    ? (await discovery.hosts()).filter((host) => host.claim !== 'ignored' && !host.shared)
    : [];
  const left = again ? await leftOf(platform, discovery, again) : [];
  const byId = new Map([...named, ...tagged, ...unknown, ...left].map((host) => [host.id, host]));
  const agentless = again?.agentless ?? input.agentless;
  // What is looked after over SSH may still get an agent.
  const hasEnough = (host: Host): boolean => host.management === 'managed' && (agentless || host.agentId !== null);
  return [...byId.values()].filter((host) => input.force || again?.forced || !hasEnough(host));
}

/** Hosts of an earlier deployment that have no agent by it. */
async function leftOf(platform: Platform, discovery: Discovery, again: DeploymentRow): Promise<Host[]> {
  const failed = (await deploymentHosts(platform.db, again.id)).filter((host) => host.state !== 'done');
  return failed.length === 0 ? [] : discovery.hosts({ ids: failed.map((host) => host.host_id) });
}

/** The straight way before any that leads through a bastion, which is slower and is not meant for everybody. */
const unnamed = (all: readonly CredentialRow[]): CredentialRow[] =>
  all.filter(mayBeTriedUnnamed).toSorted((a, b) => Number(a.via !== null) - Number(b.via !== null));

async function chooseCredentials(
  platform: Platform,
  names: string[] | undefined,
  again: DeploymentRow | null,
  may: (login: CredentialRow) => boolean,
): Promise<CredentialRow[]> {
  const all = await credentials(platform.db);
  const missing = names?.find((name) => !all.some((row) => row.name === name));
  if (missing) throw new AppError('NOT_FOUND', { what: 'credential', id: missing, list: 'credential list' });
  const named = names?.map((name) => all.find((row) => row.name === name)!);
  const before = again?.credential_ids.flatMap((id) => all.filter((row) => row.id === id));
  const chosen = (named ?? before ?? unnamed(all)).filter(may);
  if (chosen.length === 0) throw new AppError('DEPLOY_NO_CREDENTIAL');
  return chosen;
}
