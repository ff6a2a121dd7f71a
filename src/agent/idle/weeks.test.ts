import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { certificateRequest } from '../../host/pki/request.ts';
import { ask } from '../https.ts';
import { lineLog } from '../log.ts';
import { AGENT_ID, testServer, type TestServer } from '../testing/server.ts';
import { gist, type Handover } from './handover.ts';
import { trailIsSound } from './trail.ts';
import { wait, type Looked, type Waiter } from './wait.ts';

const DAY = 86_400_000;
const root = mkdtempSync(join(tmpdir(), 'lastember-weeks-'));
after(() => rmSync(root, { recursive: true, force: true }));
let server: TestServer;
let stateDir: string;
let lines: string[];
const { privateKey } = generateKeyPairSync('ed25519');
const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
beforeEach(async () => {
  server = await testServer([]);
  server.pollSeconds = 60;
  server.factsSeconds = 300;
  server.holdMs = 0;
  stateDir = mkdtempSync(join(root, 'state-'));
  writeFileSync(join(stateDir, 'agent.key'), key);
  lines = [];
});
afterEach(() => server.close());

const BEGAN = Date.UTC(2026, 0, 1);
const body = { version: '1', bootId: null, startedAt: new Date(BEGAN).toISOString(), subnets: [] };

/** A waiter whose clock goes by only as it sleeps and polls; its server and its requests are real. */
async function waiter(more: Partial<Waiter> = {}): Promise<Waiter & { time: number; looks: number }> {
  const certificate = await server.authority.issue(certificateRequest(privateKey, 'host'), AGENT_ID, server.life);
  const { pollSeconds, factsSeconds } = server;
  const handed: Handover = {
    chosen: null,
    server: server.url,
    ca: server.authority.ca,
    certificate,
    checkpointKey: '',
    keyFile: join(stateDir, 'agent.key'),
    stateDir,
    renewAt: BEGAN + 60 * DAY,
    settleAt: null,
    checkIn: body,
    answered: gist({ hostId: 'host_1', pollSeconds, factsSeconds }),
    pollSeconds,
    factsSeconds,
    times: { startedAt: BEGAN, factsAt: BEGAN, listsAt: BEGAN, wholeAt: BEGAN },
    shell: null,
    absence: null,
  };
  const agent = new Agent({ keepAlive: true });
  const made: Waiter & { time: number; looks: number } = {
    handed,
    time: BEGAN,
    looks: 0,
    ask: async (method: 'GET' | 'POST', path: string, given: object) => {
      const answer = await ask(
        server.url,
        { ca: handed.ca, cert: certificate, key, agent, method, path: `/agent/v1${path}` },
        given,
      );
      made.time += Number(/wait=(\d+)/.exec(path)?.[1] ?? 0) * 1000;
      return answer;
    },
    trailIsSound: async () => true,
    outdated: async () => null,
    look: async (): Promise<Looked> => {
      made.looks += 1;
      return { sent: [], subnets: [], factsAt: made.time, listsAt: made.time, wholeAt: made.time };
    },
    log: lineLog((line) => void lines.push(line)),
    signal: new AbortController().signal,
    now: () => made.time,
    sleep: async (ms: number) => void (made.time += ms),
    ...more,
  };
  return made;
}

test('three weeks without a server: no look, few tries, few lines, no file; then the whole program goes on', async () => {
  const given = await waiter();
  const before = readdirSync(stateDir);
  await server.away();
  let tries = 0;
  const { ask: real } = given;
  given.ask = async (...args) => {
    tries += 1;
    // Thousands of refused connections are all alike: those in the middle are not made.
    if (tries > 200 && given.time < BEGAN + 20.5 * DAY) throw new Error('connect ECONNREFUSED');
    if (given.time > BEGAN + 21 * DAY && server.checkIns === 0) await server.back().catch(() => {});
    return real(...args);
  };
  assert.equal(await wait(given), 'work');
  assert.ok(given.time - BEGAN >= 21 * DAY && given.time - BEGAN < 21 * DAY + 600_000, 'it is back within minutes');
  assert.ok(tries > 5000 && tries < 13_000, `${tries} tries`);
  assert.ok(lines.length < 110, `${lines.length} lines`);
  assert.ok(lines.join('').length < 30_000);
  assert.match(lines.at(-1)!, /"The server is away".*"since":"2026-01-01T/);
  assert.deepEqual([given.looks, readdirSync(stateDir)], [0, before]);
  assert.equal(server.checkIns, 1);
  assert.equal(given.handed.absence?.tries, tries - 1, 'the whole program says how long it was');
});

test('six hours in which nothing happens: looks as often as ever, and not a line', async () => {
  const given = await waiter();
  const stop = new AbortController();
  given.signal = stop.signal;
  const { look } = given;
  given.look = async () => {
    if (given.time > BEGAN + DAY / 4) stop.abort();
    return look();
  };
  assert.equal(await wait(given), 'stopped');
  assert.ok(given.looks >= 68 && given.looks <= 73, `${given.looks} looks`);
  assert.ok(server.checkIns >= 325 && server.checkIns <= 365, `${server.checkIns} check-ins`);
  assert.deepEqual(lines, []);
});

test('a certificate that ended is looked into at once when the server is back, however long it was away', async () => {
  server.life = { from: -3_600_000, to: -1000 };
  const given = await waiter();
  given.handed.absence = { since: BEGAN - 21 * DAY, tries: 6001, refusals: 0, toldAt: BEGAN - 1000 };
  assert.equal(await wait(given), 'work');
  assert.equal(given.handed.absence?.refusals, 1);
  assert.ok(given.time - BEGAN <= 600_000);
});

test('whatever the server says that was not said before is work', async () => {
  const said = { hostId: 'host_1', pollSeconds: 60, factsSeconds: 300 };
  const calm = { assignments: [], refreshFacts: false };
  const awake = async (checkIn: unknown, tasks: unknown): Promise<string> => {
    let polls = 0;
    const stop = new AbortController();
    const given = await waiter({
      ask: async (_method, path) => {
        if (path.startsWith('/tasks') && (polls += 1) > 3) stop.abort();
        given.time += 30_000;
        return { status: 200, text: JSON.stringify(path === '/check-in' ? checkIn : tasks) };
      },
      signal: stop.signal,
    });
    return wait(given);
  };
  assert.equal(await awake(said, calm), 'stopped');
  assert.equal(await awake({ ...said, patrol: null }, calm), 'stopped');
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 2 }), fc.boolean(), async (other, isPoll) => {
      const [checkIn, tasks] = isPoll ? [said, other] : [other, calm];
      assert.equal(await awake(checkIn, tasks), 'work');
    }),
    { numRuns: 60 },
  );
  for (const more of [{ patrol: {} }, { update: {} }, { pollSeconds: 5 }])
    assert.equal(await awake({ ...said, ...more }, calm), 'work');
  for (const more of [{ refreshFacts: true }, { assignments: [{}] }, { assignments: null }])
    assert.equal(await awake(said, { ...calm, ...more }), 'work');
});

test('what the server asked for is looked at: it would not ask again', async () => {
  const given = await waiter();
  const { look } = given;
  given.look = async () => {
    server.refreshFacts = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return look();
  };
  assert.equal(await wait(given), 'work');
  assert.equal(given.looks, 1, 'a look that began before it was asked is no answer');
  assert.deepEqual([given.handed.times.factsAt, given.handed.times.wholeAt], [0, 0]);
  assert.equal(given.handed.times.startedAt, BEGAN);
});

test('a clock that is set back by weeks silences neither looks nor check-ins, nor brings more of them', async () => {
  const given = await waiter();
  const stop = new AbortController();
  given.signal = stop.signal;
  const { look } = given;
  const BACK = BEGAN - 21 * DAY;
  given.look = async () => {
    const looked = await look();
    if (given.looks === 2) given.time = BACK;
    if (given.time < BEGAN && given.time > BACK + 3_600_000) stop.abort();
    return looked;
  };
  let turns = 0;
  const { ask: real } = given;
  given.ask = async (...args) => {
    if ((turns += 1) > 300) stop.abort();
    return real(...args);
  };
  assert.equal(await wait(given), 'stopped');
  assert.ok(given.looks >= 13 && given.looks <= 16, `${given.looks} looks`);
  assert.ok(server.checkIns >= 60 && server.checkIns <= 75, `${server.checkIns} check-ins`);
});

test('an answer that asks for nothing new is known again, and takes no room, however long it is', () => {
  const offer = { agents: Array.from({ length: 5000 }, (_, index) => `agent_${index}`) };
  const answer = (update: unknown): string => gist({ hostId: 'host_1', pollSeconds: 60, update } as never);
  assert.equal(answer(offer), answer(structuredClone(offer)));
  assert.notEqual(answer(offer), answer({ agents: offer.agents.slice(1) }));
  assert.notEqual(answer(offer), answer(null));
  assert.ok(answer(offer).length < 100);
});

test('a look that breaks off is tried again after one, two, four minutes; the host is not silent meanwhile', async () => {
  const given = await waiter();
  server.factsSeconds = given.handed.factsSeconds = 600;
  given.handed.answered = gist({ hostId: 'host_1', pollSeconds: 60, factsSeconds: 600 });
  const tries: number[] = [];
  const stop = new AbortController();
  given.signal = stop.signal;
  const { look } = given;
  given.look = async () => {
    tries.push(Math.round((given.time - BEGAN) / 60_000));
    if (tries.length === 9) stop.abort();
    if (tries.length === 7) return look();
    throw new Error('it ended with 1');
  };
  await wait(given);
  assert.deepEqual(tries, [10, 11, 13, 17, 25, 35, 45, 55, 56]);
  assert.ok(server.checkIns >= 50);
  assert.equal(lines.length, 7);
});

test('what nobody can undo any more is work as soon as that is so', async () => {
  const given = await waiter();
  given.handed.settleAt = BEGAN + DAY / 24;
  assert.equal(await wait(given), 'work');
  assert.ok(given.time >= BEGAN + DAY / 24 && given.time <= BEGAN + DAY / 24 + 61_000, `${given.time - BEGAN} ms`);
});

test('what runs here was replaced: it begins anew before the next look, never in the middle of one', async () => {
  for (const how of ['again', 'with-supervisor'] as const) {
    const given = await waiter();
    let looking = false;
    const { look } = given;
    given.look = async () => {
      looking = true;
      await new Promise((resolve) => setTimeout(resolve, 20));
      looking = false;
      return look();
    };
    given.outdated = async () => {
      assert.equal(looking, false);
      return given.looks < 2 ? null : how;
    };
    assert.equal(await wait(given), how);
    assert.equal(given.looks, 2);
  }
});

test('the trail is judged while it waits: one that grows is remembered, one that was rewritten is work', async () => {
  const given = await waiter();
  const { checkpoint } = JSON.parse((await given.ask('GET', '/checkpoint?size=0', {})).text) as { checkpoint: string };
  const enrolled = await ask(
    server.url,
    { ca: server.authority.ca, method: 'POST', path: '/agent/v1/enroll' },
    {
      body: {
        token: server.token,
        csr: certificateRequest(privateKey, 'host'),
        version: '1',
        platform: 'linux-x64',
        hostname: 'host',
        machineId: null,
        addresses: [],
        sshHostKeys: [],
      },
    },
  );
  given.handed.checkpointKey = (JSON.parse(enrolled.text) as { checkpointKey: string }).checkpointKey;
  const file = join(stateDir, 'checkpoint');
  assert.ok(await trailIsSound(given.handed, given.ask));
  assert.equal(readFileSync(file, 'utf8'), checkpoint);
  server.trail.push('one');
  assert.ok(await trailIsSound(given.handed, given.ask));
  const grown = readFileSync(file, 'utf8');
  assert.notEqual(grown, checkpoint);
  server.trail = ['other', 'one', 'two'];
  assert.equal(await trailIsSound(given.handed, given.ask), false);
  assert.equal(readFileSync(file, 'utf8'), grown, 'what was seen stays');
  writeFileSync(join(stateDir, 'alarm.json'), '{}');
  assert.ok(await trailIsSound(given.handed, given.ask), 'an alarm that stands is no news');
});
