import { gunzipSync } from 'node:zlib';
import { ProgramReply, Release, type UpdateOffer } from '../model/agent.ts';
import { AppError, isAppError } from '../model/errors/index.ts';
import type { ApproverKey } from '../model/plan.ts';
import { sha256 } from '../host/canonical.ts';
import type { Client } from './client.ts';
import type { Programs, ProgramState } from './program.ts';
import { checkApprovals, readSigned } from '../host/tasks/verify.ts';

const SIZE_LIMIT = 32 * 1024 * 1024;

export interface Updater {
  programs: Programs;
  /** digest of the program that runs */
  running: string;
  agentId: string;
  approvers: readonly ApproverKey[];
  client: Client;
  /** from the switch until the new program has to have reached the server */
  trialSeconds: number;
  now(): Date;
}

/** May this program run here? The release, or a refusal that says why not. Believes signatures by pinned keys only. */
export function verifyRelease(
  offer: UpdateOffer,
  { agentId, approvers, now }: Pick<Updater, 'agentId' | 'approvers' | 'now'>,
  newest: string | null,
): Release {
  const release = readSigned(Release, offer.release, offer.digest);
  checkApprovals(release, offer, approvers);
  const refuse = (why: string): AppError => new AppError('REFUSED_RELEASE', { update: release.changeId, why });
  if (!release.agents.includes(agentId)) throw refuse('it is not for this agent');
  if (now().getTime() > Date.parse(release.notAfter)) throw refuse(`it was good until ${release.notAfter}`);
  if (newest !== null && Date.parse(release.madeAt) < Date.parse(newest))
    throw refuse(`a newer one, of ${newest}, was taken before`);
  return release;
}

/**
 * Takes an update that the server offers, up to the point where the agent only has to start again; true when it has to.
 * A refusal is kept, and told at the next check-in.
 */
export async function takeUpdate(updater: Updater, offer: UpdateOffer): Promise<boolean> {
  const { programs, running } = updater;
  const state = await programs.state();
  try {
    const release = verifyRelease(offer, updater, state.newest);
    // It was tried before; only another update may try it again.
    if (release.program === running || state.failed?.updateId === release.changeId) return false;
    await switchTo(updater, state, release);
    return true;
  } catch (error) {
    if (!isAppError(error) || !error.code.startsWith('REFUSED_')) throw error;
    const updateId = updateOf(offer);
    if (state.failed?.updateId !== updateId)
      await programs.save({ ...state, failed: { updateId, program: running, why: error.message.slice(0, 1000) } });
    return false;
  }
}

async function switchTo(updater: Updater, state: ProgramState, release: Release): Promise<void> {
  const { programs, running } = updater;
  if (release.program !== programs.base) await fetchProgram(updater, release);
  const until = new Date(updater.now().getTime() + updater.trialSeconds * 1000).toISOString();
  const isBase = release.program === programs.base;
  await programs.save({
    ...state,
    current: isBase ? null : release.program,
    previous: running === programs.base ? null : running,
    // The one that was installed ran here before, and is what everything falls back to.
    trial: isBase ? null : { updateId: release.changeId, until, starts: 0 },
    failed: null,
    newest: release.madeAt,
  });
  await programs.forget([release.program, running]);
}

async function fetchProgram({ client, programs }: Updater, release: Release): Promise<void> {
  if ((await programs.read(release.program)) !== null) return;
  const { program } = await client.call('GET', `/program/${release.program}`, ProgramReply, { timeoutMs: 120_000 });
  const refuse = (why: string): AppError => new AppError('REFUSED_RELEASE', { update: release.changeId, why });
  let bytes: Buffer;
  try {
    bytes = gunzipSync(Buffer.from(program, 'base64'), { maxOutputLength: SIZE_LIMIT });
  } catch (error) {
    throw refuse(`what came cannot be unpacked (${(error as Error).message})`);
  }
  if (sha256(bytes) !== release.program) throw refuse('what came is not the program that was approved');
  await programs.keep(bytes);
}

/** Of what may be anything: only good for saying which update was refused. */
function updateOf(offer: UpdateOffer): string {
  try {
    return String((JSON.parse(offer.release) as { changeId?: unknown }).changeId).slice(0, 100);
  } catch {
    return '';
  }
}

/** The new program has reached the server: it is the one from now on. True when there was something to confirm. */
export async function confirm(programs: Programs, running: string): Promise<boolean> {
  const state: ProgramState = await programs.state();
  if (state.trial === null || (state.current ?? programs.base) !== running) return false;
  await programs.save({ ...state, trial: null });
  return true;
}
