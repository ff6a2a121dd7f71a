import type { KeyObject } from 'node:crypto';
import type { EnrollReply, UpdateOffer } from '../model/agent.ts';
import { canonicalText } from '../host/canonical.ts';
import type { FactCache } from '../host/facts/look.ts';
import type { LocalHost } from '../host/local.ts';
import type { Executor } from '../host/tasks/execute.ts';
import { compactJournal, FileJournal } from '../host/tasks/file-journal.ts';
import { signEd25519 } from '../host/tasks/signature.ts';
import { clientOf, type Client } from './client.ts';
import type { AgentConfig } from './config.ts';
import type { Absence } from './idle/absence.ts';
import { factsFile, loadFacts } from './idle/fact-cache.ts';
import type { Handover } from './idle/handover.ts';
import type { Resumed } from './idle/times.ts';
import type { Log } from './log.ts';
import { deliver } from './outcomes.ts';
import { freshness, freshShell, type Freshness } from './outdated.ts';
import { Patrols } from './patrol/patrols.ts';
import { isOnTrial, type Programs } from './program.ts';
import type { State } from './state.ts';

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
  /** what an agent goes on with that only waited; null: it begins */
  resumed?: Resumed | null;
  /** takes what is to be waited with; false, or without it: the agent waits as it is */
  rest?: (handover: Handover) => boolean;
  /** the shell that starts us again; null: none of ours */
  supervisor?: number | null;
  /** tests make their own, to cut the power at any record */
  journal?: (path: string) => FileJournal;
}

const FORGET_MS = 30 * 24 * 3_600_000;
/**
 * `proven`: an update reached the server and ends, to run in its own place. `again`: one was taken, or libraries were
 * replaced; start anew. `with-supervisor`: so should whoever starts us. `resting`: there is nothing to do, and it said what
 * is to be waited with.
 */
export type Ended = 'stopped' | 'proven' | 'again' | 'with-supervisor' | 'resting';

export interface Agent extends Executor {
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
  /** gist of the last answer to a check-in that was heeded; null: something of it is still to be done */
  answered: string | null;
  /** the server wants it to look around */
  patrolled: boolean;
  /** when the server last had something for it, in ms; more may follow soon */
  newsAt: number;
  /** cannot give its place away, or would not yet */
  restless: boolean;
  /** what last kept it from waiting as a smaller program */
  restlessFor: string | null;
  /** fresh facts were asked for, and the server forgot that when it said so */
  asked: boolean;
  absence: Absence | null;
  freshness: Freshness;
  ended: Ended;
}

/** The agent as it stands before its first round, from what the host keeps of it. */
export async function begin(options: AgentOptions): Promise<Agent> {
  const { host, state, config, identity, log } = options;
  const now = options.now ?? ((): Date => new Date());
  const path = host.real(`${state.dir}/journal.jsonl`);
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
    pollSeconds: 60,
    factsSeconds: 300,
    factsAt: 0,
    listsAt: 0,
    wholeAt: 0,
    startedAt: now(),
    checkedInAt: 0,
    onTrial: await isOnTrial(options.programs, options.running),
    offer: null,
    answered: null,
    patrolled: false,
    // Who has just begun is soon given something to do; who only waited is there because of something.
    newsAt: options.resumed ? Number.NEGATIVE_INFINITY : now().getTime(),
    restless: false,
    restlessFor: null,
    asked: false,
    absence: null,
    freshness: await freshness(
      host,
      options.resumed ? options.resumed.shell : await freshShell(options.supervisor ?? null),
    ),
    ended: 'stopped',
    stopping: () => options.signal.aborted,
    progress: () => deliver(agent).catch(() => {}),
  };
  if (options.resumed) resume(agent, options.resumed);
  return agent;
}

/** Goes on where the agent was before it only waited. */
function resume(agent: Agent, { times: { startedAt, ...times }, absence }: Resumed): void {
  const { running, programs } = agent.options;
  Object.assign(agent, times, { startedAt: new Date(startedAt), absence });
  agent.cache = loadFacts(factsFile(agent.options), running === programs.base ? null : running);
}
