import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import {
  AlarmRequest,
  CheckInRequest,
  EnrollRequest,
  type EnrollReply,
  FactsRequest,
  GoodbyeRequest,
  OutcomesRequest,
  RenewRequest,
  type Assignment,
  type UpdateOffer,
} from '../../model/agent.ts';
import type { ApproverKey } from '../../model/plan.ts';
import { testAuthority, type TestAuthority } from './authority.ts';
import { consistencyProof, note, treeRoot } from '../../host/tasks/testing/merkle.ts';
import { rawKey } from '../../host/tasks/testing/people.ts';

/** The server's side of /agent/v1 over real mutual TLS, with everything in memory. For tests only. */
export interface TestServer {
  url: string;
  authority: TestAuthority;
  approvers: ApproverKey[];
  token: string;
  assignments: Assignment[];
  refreshFacts: boolean;
  /** entries of the trail; a test may rewrite them */
  trail: string[];
  enrolled: EnrollRequest[];
  checkIns: number;
  lastCheckIn: CheckInRequest | null;
  /** a program for agents, offered at every check-in: what `GET /program` gives */
  offer: UpdateOffer | null;
  program: Uint8Array | null;
  pollSeconds: number;
  factsSeconds: number;
  /** how long a poll without news is held; a real one holds it as long as it was asked to */
  holdMs: number | null;
  polls: number;
  facts: FactsRequest[];
  hashes: Map<string, string>;
  outcomes: OutcomesRequest['outcomes'];
  refused: OutcomesRequest['refused'];
  alarms: AlarmRequest[];
  goodbyes: GoodbyeRequest[];
  /** how long the certificate of an enrolling agent is valid; renewed ones an hour */
  life: { from: number; to: number };
  renewals: number;
  /** certificates of requests, as the client showed them */
  shown: Set<string>;
  /** public key of the agent, from its certificate */
  agentKey: string | null;
  /** digests of plans that it knows nothing of (any more) */
  unknownPlans: Set<string>;
  /** renews certificates that ended at most so long ago */
  lapsedMs: number;
  /** nobody listens, until `back` */
  away(): Promise<void>;
  back(): Promise<void>;
  /** answer these paths with 503 */
  down: Set<string>;
  close(): Promise<void>;
}

export const AGENT_ID = 'agent_test';
const ORIGIN = 'lastember.test';

export async function testServer(approvers: ApproverKey[]): Promise<TestServer> {
  const authority = await testAuthority();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const checkpoint: Signer = (trail) =>
    note(`${ORIGIN}\n${trail.length}\n${treeRoot(trail).toString('base64')}\n`, ORIGIN, privateKey, rawKey(publicKey));
  const state: TestServer = {
    url: '',
    authority,
    approvers,
    token: 'lee_secret',
    assignments: [],
    refreshFacts: false,
    trail: ['genesis'],
    enrolled: [],
    checkIns: 0,
    lastCheckIn: null,
    offer: null,
    program: null,
    pollSeconds: 5,
    factsSeconds: 3600,
    holdMs: 100,
    polls: 0,
    facts: [],
    hashes: new Map(),
    outcomes: [],
    refused: [],
    alarms: [],
    goodbyes: [],
    life: { from: -60_000, to: 3_600_000 },
    renewals: 0,
    shown: new Set(),
    agentKey: null,
    lapsedMs: 0,
    away: () => stop(server),
    back: () => listen(server, Number(new URL(state.url).port)),
    down: new Set(),
    unknownPlans: new Set(),
    close: () => stop(server),
  };
  const routes = routesOf(state, checkpoint);
  const server = createServer(
    { ...authority.server, ca: authority.ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => void answer(state, routes, request, response),
  );
  await listen(server, 0);
  state.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

type Signer = (trail: string[]) => { text: string; keyLine: string };
type Handler = (body: unknown, query: URLSearchParams, request: IncomingMessage) => Promise<unknown>;

function routesOf(state: TestServer, checkpoint: Signer): Record<string, Handler> {
  return {
    ...taskRoutes(state),
    'POST /enroll': (body) => enroll(state, checkpoint, EnrollRequest.parse(body)),
    'POST /check-in': async (body) => {
      state.lastCheckIn = CheckInRequest.parse(body);
      state.checkIns += 1;
      const update = state.offer === null ? {} : { update: state.offer };
      return { hostId: 'host_1', pollSeconds: state.pollSeconds, factsSeconds: state.factsSeconds, ...update };
    },
    'POST /goodbye': async (body) => {
      state.goodbyes.push(GoodbyeRequest.parse(body));
      return { expected: false };
    },
    'POST /renew': async (body) => {
      state.renewals += 1;
      return { certificate: await state.authority.issue(RenewRequest.parse(body).csr, AGENT_ID) };
    },
    'POST /facts': async (body) => {
      const { sections } = FactsRequest.parse(body);
      state.facts.push({ sections });
      for (const section of sections) if (section.data !== undefined) state.hashes.set(section.name, section.hash);
      const missing = sections.filter((section) => state.hashes.get(section.name) !== section.hash);
      return { want: missing.map((section) => section.name) };
    },
    'GET /program': async () => ({ program: gzipSync(state.program!).toString('base64') }),
    'GET /checkpoint': async (_body, query) => ({
      checkpoint: checkpoint(state.trail).text,
      consistency: consistencyProof(Number(query.get('size')), state.trail),
    }),
    'POST /alarms': async (body) => {
      state.alarms.push(AlarmRequest.parse(body));
      return { ok: true };
    },
  };
}

async function enroll(state: TestServer, checkpoint: Signer, wanted: EnrollRequest): Promise<EnrollReply | null> {
  if (wanted.token !== state.token) return null;
  state.enrolled.push(wanted);
  const certificate = await state.authority.issue(wanted.csr, AGENT_ID, state.life);
  state.agentKey = new X509Certificate(certificate).publicKey.export({ format: 'jwk' }).x!;
  return {
    agentId: AGENT_ID,
    hostId: 'host_1',
    certificate,
    ca: state.authority.ca,
    approverKeys: state.approvers,
    checkpointKey: checkpoint(state.trail).keyLine,
  };
}

function taskRoutes(state: TestServer): Record<string, Handler> {
  return {
    'GET /tasks': async (_body, query) => {
      state.polls += 1;
      const refused = new Set(state.refused.map((refusal) => refusal.assignmentId));
      const assignments = state.assignments.filter((one) => !refused.has(one.id) && !isTold(state, one));
      if (assignments.length === 0 && !state.refreshFacts)
        await new Promise((resolve) => setTimeout(resolve, state.holdMs ?? Number(query.get('wait')) * 1000));
      // As the real one: what it answered with is not asked for again.
      const { refreshFacts } = state;
      state.refreshFacts = false;
      return { assignments, refreshFacts };
    },
    'POST /outcomes': async (body) => {
      const { outcomes, refused } = OutcomesRequest.parse(body);
      // As the real one: one that it cannot place makes it refuse the whole report.
      if (outcomes.some(({ plan }) => state.unknownPlans.has(plan))) throw new Error('OUTCOME_REFUSED');
      state.outcomes.push(...outcomes);
      state.refused.push(...refused);
      return { ok: true };
    },
  };
}

/** A real server stops offering an assignment once it has an outcome of each of its steps, or of a step that failed. */
function isTold(state: TestServer, assignment: Assignment): boolean {
  const mine = state.outcomes.filter(
    ({ plan, outcome }) =>
      plan === assignment.digest && outcome.taskId === assignment.taskId && outcome.phase === assignment.mode,
  );
  const indexes = new Set(mine.map(({ outcome }) => outcome.index));
  const all = Array.from({ length: assignment.to - assignment.from }, (_, offset) => assignment.from + offset);
  return mine.some(({ outcome }) => !outcome.ok) || all.every((index) => indexes.has(index));
}

async function answer(
  state: TestServer,
  routes: Record<string, Handler>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', state.url);
  const path = url.pathname.replace('/agent/v1', '');
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (state.down.has(path)) return reply(503, refusal('DOWN'));
  const socket = request.socket as TLSSocket;
  if (path !== '/enroll' && !socket.authorized && !hasLapsed(state, path, socket))
    return reply(403, refusal('AGENT_UNAUTHENTICATED'));
  if (socket.authorized) state.shown.add(socket.getPeerCertificate().fingerprint256);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const name = path.startsWith('/program/') ? '/program' : path;
    const result = await routes[`${request.method} ${name}`]!(
      text === '' ? null : JSON.parse(text),
      url.searchParams,
      request,
    );
    return result === null ? reply(403, refusal('ENROLL_TOKEN_REFUSED')) : reply(200, result);
  } catch (error) {
    return reply(400, refusal((error as Error).message));
  }
}

/** As the real one: it ended not long ago, and may be renewed. */
function hasLapsed(state: TestServer, path: string, socket: TLSSocket): boolean {
  const ended = Date.parse(socket.getPeerCertificate().valid_to);
  return path === '/renew' && Date.now() <= ended + state.lapsedMs;
}

const refusal = (code: string): object => ({ error: { code, message: code, params: {} } });

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));

/** Closing what is closed already is no error: tests close more than once. */
function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
