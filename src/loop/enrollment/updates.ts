import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Actor } from '../../model/actor.ts';
import { Release } from '../../model/agent.ts';
import type { AgentUpdate, AgentUpdateInput } from '../../model/enrollment.ts';
import { AppError } from '../../model/errors/index.ts';
import type { Approval } from '../../model/plan.ts';
import { mustApprove } from '../../platform/approval.ts';
import type { Platform, Tx } from '../../platform/context.ts';
import { canonicalText, sha256 } from '../../host/canonical.ts';
import type { Discovery } from '../discovery/index.ts';
import { BUNDLE } from './bundle.ts';
import type { AgentRecord } from './face.ts';
import { waveOf } from './logic/update-waves.ts';
import {
  busyAgents,
  findUpdate,
  insertUpdate,
  insertUpdateApproval,
  lockUpdate,
  setUpdate,
  storeProgram,
  takeBackOffers,
  updateApprovals,
} from './store-update.ts';
import { allAgents } from './store.ts';
import { advance, GOOD_FOR_MS } from './update-progress.ts';

/** The bundler writes it into the second line. */
const VERSION = /^\/\/ lastember-agent (\S+)$/m;

interface Candidate extends AgentRecord {
  hostName: string;
}

/** Wants the program of this server on agents. It waits for approvers: nobody's signature, no update. */
export async function createUpdate(
  platform: Platform,
  discovery: Discovery,
  actor: Actor,
  input: AgentUpdateInput,
): Promise<AgentUpdate> {
  const program = await readFile(BUNDLE).catch((cause: unknown) => {
    throw new AppError('AGENT_BUNDLE_MISSING', {}, { cause });
  });
  const digest = sha256(program);
  const agents = await candidates(platform, discovery, input, digest);
  if (agents.length === 0) throw new AppError('UPDATE_NOTHING');
  const [now, id] = [platform.now(), platform.newId('update')];
  const release = Release.parse({
    type: 'lastember/agent-release/v1',
    changeId: id,
    author: actor.id,
    approvalsRequired: agents.length >= platform.config.secondApprovalHosts ? 2 : 1,
    version: versionIn(program),
    program: digest,
    size: program.length,
    agents: agents.map((agent) => agent.id),
    madeAt: now.toISOString(),
    notAfter: new Date(now.getTime() + GOOD_FOR_MS).toISOString(),
  });
  const packed = await promisify(gzip)(program, { level: 9 });
  const entry = {
    type: 'enrollment.update.asked',
    subject: { kind: 'deployment' as const, id },
    related: agents.map((agent) => ({ kind: 'host' as const, id: agent.hostId, name: agent.hostName })),
    detail: {
      version: release.version,
      program: digest,
      release: sha256(canonicalText(release)),
      hosts: agents.length,
    },
  };
  await platform.act(actor, entry, async (tx) => {
    await storeProgram(tx.db, { digest, version: release.version, size: program.length, packed, stored_at: tx.now });
    await insertUpdate(tx.db, updateRow(release, actor, tx.now), partsOf(id, agents, input.wave));
    await tx.publish('agents', { updateId: id });
  });
  return mustFindUpdate(platform, id);
}

const updateRow = (release: Release, actor: Actor, at: Date): Parameters<typeof insertUpdate>[1] => ({
  id: release.changeId,
  state: 'awaiting-approval',
  author: actor.id,
  author_name: actor.name,
  version: release.version,
  program: release.program,
  release: canonicalText(release),
  digest: sha256(canonicalText(release)),
  approvals_required: release.approvalsRequired,
  why: null,
  created_at: at,
  finished_at: null,
});

const partsOf = (id: string, agents: Candidate[], wave: number): Parameters<typeof insertUpdate>[2] =>
  agents.map((agent, index) => ({
    update_id: id,
    agent_id: agent.id,
    host_id: agent.hostId,
    host_name: agent.hostName,
    wave: waveOf(index, wave),
    state: 'waiting',
    why: null,
    offered_at: null,
    handed_at: null,
    finished_at: null,
  }));

/** Agents that report, run something else, and are not in line for another program. */
async function candidates(
  platform: Platform,
  discovery: Discovery,
  input: AgentUpdateInput,
  digest: string,
): Promise<Candidate[]> {
  const busy = await busyAgents(platform.db);
  const agents = (await allAgents(platform.db)).filter(
    (agent) => agent.state === 'active' && agent.program !== digest && !busy.has(agent.id),
  );
  const tagged = input.tag ? new Set((await discovery.hosts({ tag: input.tag })).map((host) => host.id)) : null;
  const named = new Set(input.hostIds ?? []);
  const wanted = agents.filter(({ hostId }) => input.all === true || named.has(hostId) || tagged?.has(hostId) === true);
  const hosts = new Map(
    (await discovery.hosts({ ids: wanted.map((agent) => agent.hostId) })).map((h) => [h.id, h.name]),
  );
  return wanted.map((agent) => ({ ...agent, hostName: hosts.get(agent.hostId) ?? agent.hostId }));
}

const versionIn = (program: Buffer): string => VERSION.exec(program.toString('latin1', 0, 200))?.[1] ?? 'unknown';

export async function mustFindUpdate(platform: Platform, id: string): Promise<AgentUpdate> {
  const found = await findUpdate(platform.db, id);
  if (!found) throw new AppError('NOT_FOUND', { what: 'agent update', id, list: 'agent updates' });
  return found;
}

/** Takes a signature over the release's digest; with enough of them the first wave begins. */
export async function approveUpdate(
  platform: Platform,
  actor: Actor,
  id: string,
  approval: Approval,
): Promise<AgentUpdate> {
  await mustFindUpdate(platform, id);
  const keys = await platform.approverKeys();
  await platform.observe(actor, async (tx) => {
    const update = (await lockUpdate(tx.db, id))!;
    if (update.state !== 'awaiting-approval') throw new AppError('UPDATE_STATE', { state: update.state });
    const release = Release.parse(JSON.parse(update.release));
    const about = { plan: release, digest: update.digest, keys, madeAt: update.created_at, now: tx.now };
    const person = mustApprove(approval, { ...about, actor, also: release.author });
    const given = await updateApprovals(tx.db, id);
    if (given.some((one) => one.person === person)) throw new AppError('APPROVAL_TWICE');
    await insertUpdateApproval(tx.db, id, { id: person, name: actor.name }, approval, tx.now);
    const have = given.length + 1;
    await tx.record({
      type: 'enrollment.update.approved',
      subject: { kind: 'deployment', id },
      detail: {
        digest: update.digest,
        program: release.program,
        keyId: approval.statement.keyId,
        statement: { ...approval.statement },
        signature: approval.signature,
        have,
        needed: update.approvals_required,
      },
    });
    if (have >= update.approvals_required) {
      await setUpdate(tx.db, id, { state: 'running' });
      await advance(tx, id);
    }
    await tx.publish('agents', { updateId: id });
  });
  return mustFindUpdate(platform, id);
}

/** No further host gets it. Those that have it keep it. */
export async function cancelUpdate(platform: Platform, actor: Actor, id: string): Promise<AgentUpdate> {
  await mustFindUpdate(platform, id);
  const entry = { type: 'enrollment.update.cancelled', subject: { kind: 'deployment' as const, id } };
  await platform.act(actor, entry, async (tx: Tx) => {
    const update = (await lockUpdate(tx.db, id))!;
    if (!['awaiting-approval', 'running'].includes(update.state))
      throw new AppError('UPDATE_STATE', { state: update.state });
    await takeBackOffers(tx.db, id);
    await setUpdate(tx.db, id, { state: 'cancelled', finished_at: tx.now });
    await tx.publish('agents', { updateId: id });
  });
  return mustFindUpdate(platform, id);
}
