import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import * as z from 'zod';
import {
  CheckInReply,
  CheckpointReply,
  TasksReply,
  type Assignment,
  type EnrollReply,
  type UpdateOffer,
} from '../model/agent.ts';
import { AppError, isAppError } from '../model/errors/index.ts';
import { canonicalHash, canonicalText } from '../host/canonical.ts';
import type { FactCache } from '../host/facts/look.ts';
import type { LocalHost } from '../host/local.ts';
import { createClient, refusalCode, type Client } from './client.ts';
import type { AgentConfig } from './config.ts';
import { carryOut, refuse, settle, type Executor } from '../host/tasks/execute.ts';
import { compactJournal, FileJournal } from '../host/tasks/file-journal.ts';
import { signEd25519 } from '../host/tasks/signature.ts';
import type { Log } from './log.ts';
import { readBootId } from './machine.ts';
import { giveBackMemory } from './memory.ts';
import { freshness, type Freshness } from './outdated.ts';
import { Patrols } from './patrol/patrols.ts';
import { isOnTrial, type Programs } from './program.ts';
import { renew, renewalIsDue } from './renew.ts';
import { reportFacts } from './report.ts';
import type { State } from './state.ts';
import { confirm, takeUpdate } from './update.ts';
import { GRACE_MS } from '../host/tasks/verify.ts';
import { VERSION } from './version.ts';
import { witness } from '../host/tasks/witness.ts';

export interface AgentOptions {
  host: LocalHost;
  state: State;
  config: AgentConfig;
  identity: EnrollReply;
  log: Log;
  signal: AbortSignal;
  /** one round without waiting, then end */
  once: boolean;
  now?: () => Date;
  programs: Programs;
  /** digest of the program that runs */
  running: string;
  /** the shell that starts us again; null: none of ours */
  supervisor?: number | null;
  /** tests make their own, to cut the power at any record */
  journal?: (path: string) => FileJournal;
}

const FORGET_MS = 30 * 24 * 3_600_000;
const BACKOFF_MS = { first: 500, again: 2000, most: 60_000 };

/**
 * `proven`: an update reached the server and ends, to run in its own place. `again`: one was taken, or libraries were
 * replaced; start anew. `with-supervisor`: so should whoever starts us.
 */
export type Ended = 'stopped' | 'proven' | 'again' | 'with-supervisor';

/** The agent's life: report, look at the trail, take tasks, tell outcomes; through every absence of the server. */
export async function runAgent(options: AgentOptions): Promise<Ended> {
  const agent = await start(options);
  try {
    // What is on trial proves itself before it does anything.
    if (!agent.onTrial) await finishOpen(agent);
    if (options.once) await round(agent);
    else await keepOn(agent);
    return agent.ended;
  } finally {
    await agent.patrols.end();
    agent.journal.close();
    agent.client.close();
  }
}

async function keepOn(agent: Agent): Promise<void> {
  const { signal, log } = agent.options;
  let backoff = BACKOFF_MS.first;
  while (!signal.aborted && agent.ended === 'stopped') {
    const broken = await round(agent).then(
      () => null,
      (error: unknown) => error,
    );
    if (broken === null) backoff = BACKOFF_MS.first;
    if (broken === null || signal.aborted) continue;
    log.warn(
      'Round broke off',
      isAppError(broken) ? { code: broken.code, why: broken.message } : { bug: String((broken as Error).stack) },
    );
    await pause(backoff, signal);
    backoff = Math.min(backoff * 2, BACKOFF_MS.most);
  }
}

interface Agent extends Executor {
  options: AgentOptions;
  journal: FileJournal;
  state: State;
  key: KeyObject;
  /** as enrolled, with the newest certificate */
  identity: EnrollReply;
  client: Client;
  cache: FactCache;
  patrols: Patrols;
  startedAt: Date;
  pollSeconds: number;
  factsSeconds: number;
  factsAt: number;
  listsAt: number;
  wholeAt: number;
  checkedInAt: number;
  onTrial: boolean;
  offer: UpdateOffer | null;
  freshness: Freshness;
  ended: Ended;
}

async function start(options: AgentOptions): Promise<Agent> {
  const { host, state, config, identity, log } = options;
  const now = options.now ?? ((): Date => new Date());
  const path = host.real(join(state.dir, 'journal.jsonl'));
  compactJournal(path, new Date(now().getTime() - FORGET_MS).toISOString());
  const journal = options.journal?.(path) ?? new FileJournal(path);
  const key = await state.key();
  const agent: Agent = {
    options,
    host,
    state,
    kept: state,
    journal,
    identity,
    client: clientOf(config, key, identity),
    key,
    sign: (plan, outcome) => signEd25519(key, canonicalText({ plan, outcome })),
    log,
    login: config.login ?? null,
    now,
    agentId: identity.agentId,
    approvers: identity.approverKeys,
    cache: new Map(),
    patrols: new Patrols({
      host,
      log,
      now,
      signal: options.signal,
      // One round has no time to look around.
      allowed: config.patrols && !options.once,
      client: () => agent.client,
    }),
    startedAt: now(),
    pollSeconds: 60,
    factsSeconds: 300,
    factsAt: 0,
    listsAt: 0,
    wholeAt: 0,
    checkedInAt: 0,
    onTrial: await isOnTrial(options.programs, options.running),
    offer: null,
    freshness: await freshness(host, options.supervisor ?? null),
    ended: 'stopped',
    stopping: () => options.signal.aborted,
    progress: () => deliver(agent).catch(() => {}),
  };
  return agent;
}

function clientOf({ server, ca }: AgentConfig, key: KeyObject, { certificate }: EnrollReply): Client {
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  return createClient({ server, ca, identity: { key: pem, cert: certificate } });
}

/** What was cut off is brought to its end before anything new, server or no server: it was approved and begun. */
async function finishOpen(agent: Agent): Promise<void> {
  // An alarm stops even that: nothing is done until an operator has looked.
  if ((await agent.state.alarm()) !== null) return;
  for (const assignment of await agent.state.open()) {
    agent.log.info('Resuming a task that was cut off', { assignment: assignment.id, task: assignment.taskId });
    await carryOut(agent, assignment);
  }
}

async function round(agent: Agent): Promise<void> {
  if (elapsed(agent, agent.checkedInAt) >= agent.pollSeconds) await checkIn(agent);
  if (agent.ended !== 'stopped') return;
  await deliver(agent);
  if (elapsed(agent, agent.factsAt) >= agent.factsSeconds) await sendFacts(agent);
  if (agent.ended !== 'stopped') return;
  const { assignments, refreshFacts } = await poll(agent);
  let news = assignments.length === 0;
  for (const assignment of assignments) {
    if (agent.stopping()) return;
    news = (await take(agent, assignment)) || news;
  }
  await deliver(agent);
  // A server that offers only what it was told about already is not asked again at once.
  if (!news && !agent.options.once) await pause(BACKOFF_MS.again, agent.options.signal);
  if (refreshFacts) await sendFacts(agent, true);
  await settleOld(agent);
}

const elapsed = (agent: Agent, since: number): number => (agent.now().getTime() - since) / 1000;

async function checkIn(agent: Agent): Promise<void> {
  await greet(agent);
  agent.checkedInAt = agent.now().getTime();
  if (agent.onTrial && (await confirm(agent.options.programs, agent.options.running))) {
    agent.ended = 'proven';
    return;
  }
  await renewIfDue(agent).catch((error: unknown) => {
    agent.log.warn('The certificate could not be renewed; trying again later', { why: (error as Error).message });
  });
  // A server without a trail to show is no reason to be silent, only to carry out nothing.
  const doubt = await look(agent).catch((error: unknown) => logLook(agent, error));
  if (agent.offer !== null && doubt === null) await update(agent, agent.offer);
}

/** No task is at work here: rounds come one after the other. */
async function update(agent: Agent, offer: UpdateOffer): Promise<void> {
  const { programs, running, config } = agent.options;
  const updater = { ...agent, programs, running, trialSeconds: config.trialSeconds };
  const taken = await takeUpdate(updater, offer).catch((error: unknown) => {
    agent.log.warn('An update could not be fetched; trying again later', { why: (error as Error).message });
    return false;
  });
  if (taken) agent.ended = 'again';
}

/** Says that we are there. */
async function greet(agent: Agent): Promise<void> {
  const bootId = await readBootId(agent.host);
  const { failed } = await agent.options.programs.state();
  const body = {
    version: VERSION,
    bootId,
    startedAt: agent.startedAt.toISOString(),
    // On trial it is not what runs here yet: whoever counts it as done would give it to the next hosts before it is proven.
    ...(agent.onTrial ? {} : { program: agent.options.running }),
    subnets: agent.patrols.subnets(),
    ...(failed ? { notUpdated: { updateId: failed.updateId, why: failed.why } } : {}),
  };
  const reply = await agent.client.call('POST', '/check-in', CheckInReply, { body, signal: agent.options.signal });
  agent.pollSeconds = Math.max(1, reply.pollSeconds);
  agent.factsSeconds = Math.max(1, reply.factsSeconds);
  agent.offer = reply.update ?? null;
  agent.patrols.heed(agent.onTrial ? null : (reply.patrol ?? null));
}

/** A look at a host in trouble takes minutes, and whoever says nothing for so long counts as lost. */
async function greeting<T>(agent: Agent, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const goOn = (): NodeJS.Timeout => setTimeout(() => void again(), agent.pollSeconds * 1000);
  const again = async (): Promise<void> => {
    await greet(agent).catch(() => {});
    if (!isOver) timer = goOn();
  };
  let timer = goOn();
  try {
    return await work();
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

async function renewIfDue(agent: Agent): Promise<void> {
  const { host, state, config } = agent.options;
  if (!renewalIsDue(agent.identity.certificate, agent.now())) return;
  const renewed = await renew(host, state, agent.client, agent.identity);
  if (renewed === null) throw new Error('the server answered with a certificate that is not ours or ends no later');
  agent.identity = renewed;
  agent.client.close();
  agent.client = clientOf(config, agent.key, renewed);
  agent.log.info('Certificate renewed');
}

async function look(agent: Agent): Promise<string | null> {
  const { client, state: kept, log, now } = agent;
  const { checkpointKey } = agent.options.identity;
  const alarm = await witness({
    ask: (size) => client.call('GET', `/checkpoint?size=${size}`, CheckpointReply),
    tell: async (body) => void (await client.call('POST', '/alarms', z.unknown(), { body })),
    kept,
    checkpointKey,
    log,
    now,
  });
  return alarm?.why ?? null;
}

function logLook(agent: Agent, error: unknown): string {
  const why = (error as Error).message;
  agent.log.warn('The trail could not be looked at', { why });
  return why;
}

/** The trail is looked at before every task: nothing is done for a server whose history has been rewritten. */
async function take(agent: Agent, assignment: Assignment): Promise<boolean> {
  const why = await look(agent);
  // Packages take their time, and whoever says nothing for so long counts as lost.
  if (why === null) return greeting(agent, () => carryOut(agent, assignment));
  const { code, message } = new AppError('REFUSED_TRAIL_INCONSISTENT', { why });
  const told = agent.journal.refused(canonicalHash(assignment));
  if (told?.code === code) agent.journal.resend([told]);
  else await refuse(agent, assignment, code, message);
  return told?.code !== code;
}

async function poll(agent: Agent): Promise<TasksReply> {
  const due = Math.min(agent.pollSeconds, agent.factsSeconds - elapsed(agent, agent.factsAt));
  const wait = agent.options.once ? 0 : Math.max(0, Math.floor(due));
  return agent.client.call('GET', `/tasks?wait=${wait}`, TasksReply, {
    timeoutMs: (wait + 20) * 1000,
    signal: agent.options.signal,
  });
}

async function sendFacts(agent: Agent, asked = false): Promise<void> {
  // No task is at work here, and what was asked for is told by the first look after the start.
  if (!agent.options.once && !agent.onTrial) agent.ended = (await agent.freshness.left()) ?? agent.ended;
  if (agent.ended !== 'stopped') return void agent.log.info('Libraries were replaced: starting anew');
  const sent = await greeting(agent, () => reportFacts(agent, asked));
  agent.factsAt = agent.now().getTime();
  agent.log.info('Facts reported', { sent: sent.join(' ') });
  giveBackMemory();
}

type Pending = ReturnType<FileJournal['pending']>;

/** Everything the server has not acknowledged; acknowledged is what a successful answer followed. */
async function deliver(agent: Agent): Promise<void> {
  const pending = agent.journal.pending().slice(0, 100);
  if (pending.length === 0) return;
  try {
    await tell(agent, pending);
  } catch (error) {
    if (!UNWANTED.has(refusalCode(error) ?? '')) throw error;
    for (const record of pending) await tellOrGiveUp(agent, record);
  }
}

/** Codes by which a server says that it will never take a report: of a task it does not know, or of a former agent. */
const UNWANTED = new Set(['OUTCOME_REFUSED', 'INPUT_INVALID']);

async function tell(agent: Agent, pending: Pending): Promise<void> {
  const outcomes = pending.flatMap((record) => (record.t === 'done' ? [record.signed] : []));
  const refused = pending.flatMap((record) =>
    record.t === 'refused'
      ? [{ assignmentId: record.assignment, taskId: record.taskId, code: record.code, why: record.why }]
      : [],
  );
  await agent.client.call('POST', '/outcomes', z.unknown(), { body: { outcomes, refused }, timeoutMs: 10_000 });
  await agent.journal.write({ t: 'acked', records: pending.map((record) => record.n) });
}

/** One report that is not wanted must not hold up all others for ever. It stays in the journal. */
async function tellOrGiveUp(agent: Agent, record: Pending[number]): Promise<void> {
  try {
    await tell(agent, [record]);
  } catch (error) {
    if (!UNWANTED.has(refusalCode(error) ?? '')) throw error;
    agent.log.error('The server does not take an outcome', { record: record.n, why: (error as Error).message });
    await agent.journal.write({ t: 'acked', records: [record.n] });
  }
}

/** Tasks that nobody can undo any more: their window and the time of grace are over. */
async function settleOld(agent: Agent): Promise<void> {
  const limit = agent.now().getTime() - GRACE_MS;
  for (const task of agent.journal.tasks()) {
    if (!task.settled && Date.parse(task.notAfter) < limit) await settle(agent, task.digest, task.taskId);
  }
}

/** Between half and all of it, so that a thousand agents do not come back in the same second. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}
