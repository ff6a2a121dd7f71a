import { CheckInReply, type CheckInRequest, TasksReply, type Assignment, type UpdateOffer } from '../model/agent.ts';
import { AppError, isAppError } from '../model/errors/index.ts';
import { canonicalHash } from '../host/canonical.ts';
import { carryOut, refuse } from '../host/tasks/execute.ts';
import { begin, type Agent, type AgentOptions, type Ended } from './begin.ts';
import { refusalCode } from './client.ts';
import { elapsedMs } from './elapsed.ts';
import { absenceFields, missed } from './idle/absence.ts';
import { factsFile, saveFacts } from './idle/fact-cache.ts';
import { greeting } from './greeting.ts';
import { gist } from './idle/handover.ts';
import { handoverOf } from './idle/rest.ts';
import { readBootId } from './machine.ts';
import { giveBackMemory } from './memory.ts';
import { deliver, factsTo } from './outcomes.ts';
import { pause } from './pause.ts';
import { renewalDue, renewNow } from './renew.ts';
import { reportFacts } from './report.ts';
import { settleAt, settleOld } from './settle-old.ts';
import { look, logLook } from './trail.ts';
import { confirm, takeUpdate } from './update.ts';
import { VERSION } from './version.ts';

const AGAIN_MS = 2000;

/** The agent's life: report, look at the trail, take tasks, tell outcomes; through every absence of the server. */
export async function runAgent(options: AgentOptions): Promise<Ended> {
  const agent = await begin(options);
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
  while (!signal.aborted && agent.ended === 'stopped') {
    const broken = await round(agent).then(
      () => null,
      (error: unknown) => error,
    );
    if (signal.aborted) return;
    if (broken === null) {
      if (agent.absence !== null) log.info('The server is there again', absenceFields(agent.absence));
      agent.absence = null;
      // After news more may follow, and to begin as a whole takes a second of the processor.
      agent.restless = elapsed(agent, agent.newsAt) < agent.options.config.restSeconds || !(await mayRest(agent));
      continue;
    }
    const waitMs = goOnWithout(agent, broken);
    if (!(await mayRest(agent))) await pause(waitMs, signal);
  }
}

/** Returns how long to wait, at most, before the next try. */
function goOnWithout(agent: Agent, broken: unknown): number {
  const { absence, tell, waitMs } = missed(agent.absence, agent.now().getTime());
  // Who only waited could not say why it is refused.
  const isFirst = agent.absence === agent.options.resumed?.absence;
  agent.absence = absence;
  const what = isAppError(broken)
    ? { code: broken.code, why: broken.message }
    : { bug: String((broken as Error).stack) };
  if (tell || isFirst) agent.log.warn('Round broke off', { ...what, ...absenceFields(absence) });
  return waitMs;
}

/** What keeps it from that is no reason to end: it waits as it is, and says why once. */
async function mayRest(agent: Agent): Promise<boolean> {
  try {
    return await restIfIdle(agent);
  } catch (error) {
    const why = (error as Error).message;
    if (why !== agent.restlessFor)
      agent.log.warn('Cannot give its place to a smaller program; waiting as it is', { why });
    agent.restlessFor = why;
    return false;
  }
}

/** Where nothing is under way, a smaller program waits in our place. */
async function restIfIdle(agent: Agent): Promise<boolean> {
  const { rest, host, state, config, identity, running, programs } = { ...agent.options, identity: agent.identity };
  if (!rest || agent.onTrial || agent.patrols.busy || agent.ended !== 'stopped') return false;
  const alarm = await state.alarm();
  if (alarm !== null && !alarm.delivered) return false;
  const chosen = running === programs.base ? null : { digest: running, path: host.real(programs.path(running)) };
  saveFacts(factsFile(agent.options), chosen?.digest ?? null, agent.cache);
  const { startedAt, listsAt } = agent;
  // What was asked for and could not be told yet is told first, as a whole.
  const { factsAt, wholeAt } = agent.asked ? { factsAt: 0, wholeAt: 0 } : agent;
  const isTaken = rest(
    handoverOf({
      ...agent,
      host,
      stateDir: state.dir,
      config,
      identity,
      chosen,
      checkIn: await greetingOf(agent),
      shell: agent.freshness.shell,
      times: { startedAt: startedAt.getTime(), factsAt, listsAt, wholeAt },
      settleAt: settleAt(agent.journal.tasks(), agent.now().getTime()),
      now: agent.now().getTime(),
    }),
  );
  if (isTaken) agent.ended = 'resting';
  return isTaken;
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
  if (agent.ended === 'stopped') await beforePoll(agent);
  if (agent.ended !== 'stopped') return;
  const assignments = await newsOf(agent);
  await takeAll(agent, assignments);
  if (agent.stopping()) return;
  if (agent.asked) await sendFacts(agent);
  await settleOld(agent);
}

async function newsOf(agent: Agent): Promise<Assignment[]> {
  const { assignments, refreshFacts } = await poll(agent);
  agent.asked ||= refreshFacts;
  if (assignments.length > 0 || refreshFacts || agent.patrolled) agent.newsAt = agent.now().getTime();
  return assignments;
}

async function takeAll(agent: Agent, assignments: Assignment[]): Promise<void> {
  let news = assignments.length === 0;
  for (const assignment of assignments) {
    if (agent.stopping()) return;
    news = (await take(agent, assignment)) || news;
  }
  await deliver(agent);
  // A look that proves the work follows it, however long the work took: to begin anew for that would take a second.
  if (assignments.length > 0) agent.newsAt = agent.now().getTime();
  // A server that offers only what it was told about already is not asked again at once.
  if (!news && !agent.options.once) await pause(AGAIN_MS, agent.options.signal);
}

async function beforePoll(agent: Agent): Promise<void> {
  await deliver(agent);
  if (agent.asked || elapsed(agent, agent.factsAt) >= agent.factsSeconds) await sendFacts(agent);
}

const elapsed = (agent: Agent, since: number): number => elapsedMs(agent.now().getTime(), since) / 1000;

async function checkIn(agent: Agent): Promise<void> {
  agent.answered = await greet(agent).catch(async (error: unknown) => {
    if (refusalCode(error) !== 'AGENT_UNAUTHENTICATED') throw error;
    // Its certificate ended while the server was away, or while we were.
    await renewNow(agent);
    return greet(agent);
  });
  agent.checkedInAt = agent.now().getTime();
  if (agent.onTrial && (await confirm(agent.options.programs, agent.options.running))) {
    agent.ended = 'proven';
    return;
  }
  const isDue = agent.now() >= renewalDue(agent.identity.certificate);
  await (isDue ? renewNow(agent) : Promise.resolve()).catch((error: unknown) => {
    agent.log.warn('The certificate could not be renewed; trying again later', { why: (error as Error).message });
  });
  // A server without a trail to show is no reason to be silent, only to carry out nothing.
  const doubt = await look(agent).catch((error: unknown) => logLook(agent, error));
  if (agent.offer === null) return;
  if (doubt === null) await update(agent, agent.offer);
  // What could not be taken yet is news the next time, too.
  else agent.answered = null;
}

/** No task is at work here: rounds come one after the other. */
async function update(agent: Agent, offer: UpdateOffer): Promise<void> {
  const { programs, running, config } = agent.options;
  const updater = { ...agent, programs, running, trialSeconds: config.trialSeconds };
  const taken = await takeUpdate(updater, offer).catch((error: unknown) => {
    agent.log.warn('An update could not be fetched; trying again later', { why: (error as Error).message });
    agent.answered = null;
    return false;
  });
  if (taken) agent.ended = 'again';
}

async function greetingOf(agent: Agent): Promise<CheckInRequest> {
  const bootId = await readBootId(agent.host);
  const { failed } = await agent.options.programs.state();
  return {
    version: VERSION,
    bootId,
    startedAt: agent.startedAt.toISOString(),
    // On trial it is not what runs here yet: whoever counts it as done would give it to the next hosts before it is proven.
    ...(agent.onTrial ? {} : { program: agent.options.running }),
    subnets: agent.patrols.subnets(),
    ...(failed ? { notUpdated: { updateId: failed.updateId, why: failed.why } } : {}),
  };
}

/** Says that we are there. What was answered counts as heeded only where it is heeded: in `checkIn`. */
async function greet(agent: Agent): Promise<string> {
  const body = await greetingOf(agent);
  const reply = await agent.client.call('POST', '/check-in', CheckInReply, { body, signal: agent.options.signal });
  agent.pollSeconds = Math.max(1, reply.pollSeconds);
  agent.factsSeconds = Math.max(1, reply.factsSeconds);
  agent.offer = reply.update ?? null;
  agent.patrolled = (reply.patrol ?? null) !== null;
  agent.patrols.heed(agent.onTrial ? null : (reply.patrol ?? null));
  return gist(reply);
}

const beside = <T>(agent: Agent, work: () => Promise<T>): Promise<T> =>
  greeting(
    () => greet(agent),
    () => agent.pollSeconds * 1000,
    work,
  );

/** The trail is looked at before every task: nothing is done for a server whose history has been rewritten. */
async function take(agent: Agent, assignment: Assignment): Promise<boolean> {
  const why = await look(agent);
  // Packages take their time, and whoever says nothing for so long counts as lost.
  if (why === null) return beside(agent, () => carryOut(agent, assignment));
  const { code, message } = new AppError('REFUSED_TRAIL_INCONSISTENT', { why });
  const told = agent.journal.refused(canonicalHash(assignment));
  if (told?.code === code) agent.journal.resend([told]);
  else await refuse(agent, assignment, code, message);
  return told?.code !== code;
}

async function poll(agent: Agent): Promise<TasksReply> {
  const due = Math.min(agent.pollSeconds, agent.factsSeconds - elapsed(agent, agent.factsAt));
  // What waits next is somebody else.
  const isGoing = agent.options.once || (agent.options.rest && !agent.restless);
  const wait = isGoing ? 0 : Math.max(0, Math.floor(due));
  return agent.client.call('GET', `/tasks?wait=${wait}`, TasksReply, {
    timeoutMs: (wait + 20) * 1000,
    signal: agent.options.signal,
  });
}

async function sendFacts(agent: Agent): Promise<void> {
  // No task is at work here, and what was asked for is told by the first look after the start.
  if (!agent.options.once && !agent.onTrial) agent.ended = (await agent.freshness.left()) ?? agent.ended;
  if (agent.ended !== 'stopped') return void agent.log.info('Libraries were replaced: starting anew');
  const sent = await beside(agent, () => reportFacts(agent, factsTo(agent.client), agent.asked));
  agent.asked = false;
  agent.factsAt = agent.now().getTime();
  agent.log.info('Facts reported', { sent: sent.join(' ') });
  giveBackMemory();
}
