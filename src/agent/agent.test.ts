import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import 'reflect-metadata';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { build } from 'esbuild';
import type { Assignment } from '../model/agent.ts';
import { SECTION_NAMES } from '../model/facts.ts';
import type { AnyHostStep } from '../host/steps/index.ts';
import type { Plan } from '../model/plan.ts';
import { canonicalText } from '../host/canonical.ts';
import { testTree, type TestTree } from '../host/steps/testing.ts';
import { assign, newPerson, newPlan, type Person } from '../host/tasks/testing/people.ts';
import { AGENT_ID, testServer, type TestServer } from './testing/server.ts';

const anna: Person = newPerson('user_anna');
const STATE = 'var/lib/lastember';
let server: TestServer;
let tree: TestTree;
const children: ChildProcess[] = [];

/** A fresh host with a fresh server for each test. */
async function setUp(): Promise<void> {
  server = await testServer([anna.pinned]);
  tree = testTree({ 'etc/os-release': 'ID=debian\n', 'etc/machine-id': 'abc\n', 'repo/x': '' });
  configure();
}
function configure(more: Record<string, unknown> = {}): void {
  const known = { server: server.url, ca: server.authority.ca, token: server.token, stateDir: `/${STATE}` };
  const config = { ...known, restSeconds: 0, ...more };
  tree.put('etc/lastember/agent.json', JSON.stringify(config), 0o600);
}
const BUILT = fs.mkdtempSync(join(tmpdir(), 'lastember-agent-'));
after(() => fs.rmSync(BUILT, { recursive: true, force: true }));

/** What runs here is what runs on hosts: a bundle, beside no node_modules. */
before(async () => {
  const entryPoints = ['bin.ts', 'testing/crash.ts'].map((name) => join(import.meta.dirname, name));
  await build({
    entryPoints,
    outdir: BUILT,
    outbase: import.meta.dirname,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
});

async function tearDown(): Promise<void> {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await server.close();
  tree.remove();
}

interface Ended {
  code: number | null;
  signal: string | null;
  log: string;
}
interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
  log(): string;
}
const start = (script: string, ...args: string[]): Started => startWith({}, script, ...args);
function startWith(more: Record<string, string>, script: string, ...args: string[]): Started {
  const env = { PATH: process.env['PATH'], LASTEMBER_HOST_ROOT: tree.root, ...more };
  const child = spawn(process.execPath, [join(BUILT, script), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr!.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stdout!.resume();
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, log }) as Ended);
  return { child, ended, log: () => log };
}
const runOnce = (): Promise<Ended> => start('bin.mjs', 'run', '--once', '--config', '/etc/lastember/agent.json').ended;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (holds()) return;
    await sleep(50);
  }
  assert.fail(`it did not happen within 10 s: ${what}`);
}

const UPGRADE: AnyHostStep = { kind: 'upgrade-package', name: 'nodejs', version: '0.10.48-1' };
const RESTART: AnyHostStep = { kind: 'service', name: 'shop.service', action: 'restart' };
const BANNER: AnyHostStep = { kind: 'write-file', path: '/etc/issue', content: 'Keep out.\n', mode: '0644' };
const SESSIONS: AnyHostStep = { kind: 'invalidate-sessions', path: '/etc/session-secret', service: 'shop.service' };

/** An approved plan for this host, handed to the agent. */
function order(steps: AnyHostStep[], more: Partial<Assignment> = {}, planMore: Partial<Plan> = {}): Assignment {
  const plan = newPlan(AGENT_ID, steps, planMore);
  const assignment = assign(plan, [anna.approve(plan)], more);
  server.assignments.push(assignment);
  return assignment;
}
function genuine(signed: TestServer['outcomes'][number]): boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: server.agentKey! }, format: 'jwk' });
  const bytes = Buffer.from(canonicalText({ plan: signed.plan, outcome: signed.outcome }));
  return verify(null, bytes, key, Buffer.from(signed.signature, 'base64'));
}
const installs = (): string[] =>
  fs.existsSync(join(tree.root, 'run/installed')) ? tree.file('run/installed').trim().split('\n') : [];
const restarts = (): number =>
  fs.existsSync(join(tree.root, 'run/log')) ? tree.file('run/log').trim().split('\n').length : 0;
const isWaiting = ({ pid }: ChildProcess): boolean =>
  /LASTEMBER_WAIT=/.test(fs.readFileSync(`/proc/${pid}/environ`, 'utf8'));

/** A look that takes until there is a file run/go. */
async function heldAtItsLook(script = 'bin.mjs'): Promise<Started> {
  tree.put('usr/bin/apt-get', '#!/bin/sh\nwhile [ ! -e run/go ]; do /bin/sleep 0.2; done\n');
  const started = start(script, 'run', '--config', '/etc/lastember/agent.json');
  await until('it looks', () => server.checkIns >= 1);
  return started;
}

describe('the agent and its server', () => {
  afterEach(tearDown);

  test('a look that takes long does not silence it: it goes on checking in', async () => {
    await setUp();
    tree.put('usr/bin/apt-get', '#!/bin/sh\nwhile [ ! -e run/go ]; do /bin/sleep 0.2; done\n');
    const { ended } = start('bin.mjs', 'run', '--once', '--config', '/etc/lastember/agent.json');
    await until('a second check-in', () => server.checkIns >= 2);
    assert.equal(server.facts.length, 0, 'it is still looking');
    tree.put('run/go', '');
    assert.equal((await ended).code, 0);
    assert.ok(server.facts.length > 0);
  });

  test('whoever only waited does not know why it is refused: the whole agent in its place says so, whatever was told', async () => {
    await setUp();
    assert.equal((await runOnce()).code, 0);
    server.down.add('/check-in');
    const [now, tries] = [Date.now(), 2];
    const times = { startedAt: now, factsAt: now, listsAt: now, wholeAt: now };
    const absence = { since: now, tries, refusals: 1, toldAt: now };
    const resumed = { LASTEMBER_RESUME: JSON.stringify({ times, shell: null, absence }) };
    const { log } = startWith(resumed, 'bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('it says why', () => log().includes('DOWN'));
    assert.match(log(), /"Round broke off".*"tries":3/);
  });

  test('enrols with its token, wipes it, pins what it was told, reports facts once and only what changed afterwards', async () => {
    await setUp();
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.enrolled.length, 1);
    assert.equal(server.enrolled[0]?.machineId, 'abc');
    assert.doesNotMatch(tree.file('etc/lastember/agent.json'), /lee_secret/);
    assert.equal(fs.statSync(join(tree.root, 'etc/lastember/agent.json')).mode & 0o777, 0o600);
    for (const name of ['agent.key', 'identity.json'])
      assert.equal(fs.statSync(join(tree.root, STATE, name)).mode & 0o777, 0o600);
    const [heads, full] = server.facts;
    assert.deepEqual(
      heads?.sections.map((section) => section.name),
      SECTION_NAMES,
    );
    assert.ok(heads.sections.every((section) => section.data === undefined));
    assert.ok(full && full.sections.length >= 8);
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.enrolled.length, 1, 'an enrolled agent does not enrol again');
    assert.deepEqual(
      server.facts.slice(3).flatMap((request) => request.sections.map((section) => section.name)),
      [],
      'nothing changed, nothing is sent',
    );
    tree.put('etc/login.defs', 'UMASK 027\n');
    assert.equal((await runOnce()).code, 0);
    assert.deepEqual(
      server.facts.at(-1)?.sections.map((section) => section.name),
      ['files'],
    );
  });

  test('a look that the server asks for is a whole one, however short ago the last was', async () => {
    await setUp();
    server.refreshFacts = true;
    assert.equal((await runOnce()).code, 0);
    const heads = server.facts.filter(({ sections }) => sections.every(({ data }) => data === undefined));
    assert.equal(heads.length, 2);
    assert.deepEqual(heads[1]!.sections.map(({ name }) => name).sort(), SECTION_NAMES.toSorted());
  });

  test('renews its certificate when two thirds of its life are over, with the same key, and goes on with the new one', async () => {
    await setUp();
    server.life = { from: -3_600_000, to: 3_600_000 };
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.renewals, 0, 'half of its life is left');
    assert.equal(server.shown.size, 1);
    fs.rmSync(join(tree.root, STATE, 'identity.json'));
    configure();
    server.life = { from: -3_600_000, to: 600_000 };
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.renewals, 1);
    assert.equal(server.shown.size, 3, 'what follows the renewal shows the new certificate');
    assert.equal((await runOnce()).code, 0);
    assert.deepEqual([server.renewals, server.shown.size, server.enrolled.length], [1, 3, 2]);
    // A server that cannot renew is asked again later; the agent works on with what it has.
    fs.rmSync(join(tree.root, STATE, 'identity.json'));
    configure();
    server.down.add('/renew');
    const ran = await runOnce();
    assert.equal(ran.code, 0);
    assert.match(ran.log, /could not be renewed/);
    assert.equal(server.enrolled.length, 3);
  });

  test('an agent whose certificate is over is refused', async () => {
    await setUp();
    server.life = { from: -3_600_000, to: -1000 };
    assert.notEqual((await runOnce()).code, 0);
    assert.equal(server.checkIns, 0);
  });

  test('a wrong token, a server of another authority and an absent server end in exit codes of their own', async () => {
    await setUp();
    configure({ token: 'lee_wrong' });
    assert.equal((await runOnce()).code, 4);
    const other = await testServer([]);
    configure({ ca: other.authority.ca });
    const strange = await runOnce();
    assert.equal(strange.code, 3);
    assert.equal(server.enrolled.length, 0, 'the token was not shown to a server that we cannot tell');
    await other.close();
    configure({ server: other.url });
    assert.equal((await runOnce()).code, 3);
    configure({ token: undefined });
    assert.equal((await runOnce()).code, 4);
  });

  test('6.12: carries out an approved plan and signs every outcome with its own key', async () => {
    await setUp();
    order([UPGRADE, RESTART, BANNER]);
    assert.equal((await runOnce()).code, 0);
    assert.deepEqual(
      server.outcomes.map(({ outcome }) => [outcome.index, outcome.kind, outcome.ok, outcome.changed]),
      [
        [0, 'upgrade-package', true, true],
        [1, 'service', true, true],
        [2, 'write-file', true, true],
      ],
    );
    assert.ok(server.outcomes.every(genuine));
    const forged = structuredClone(server.outcomes[0]!);
    forged.outcome.after['version'] = '0.10.0-1';
    assert.ok(!genuine(forged));
    assert.deepEqual(server.outcomes[0]?.outcome.before['version'], '0.10.0-1');
    assert.deepEqual(installs(), ['nodejs 0.10.48-1']);
    assert.equal(restarts(), 1);
    assert.deepEqual(fs.readdirSync(join(tree.root, STATE, 'open')), []);
  });

  test('an outcome that the server lost is told again; nothing is done again; a new order for it is refused', async () => {
    await setUp();
    const assignment = order([UPGRADE, RESTART]);
    await runOnce();
    const first = server.outcomes.splice(0);
    await runOnce();
    assert.deepEqual(server.outcomes, first);
    assert.equal(restarts(), 1);
    server.assignments.push({ ...assignment, id: 'asg_again' });
    server.outcomes.splice(0);
    await runOnce();
    assert.deepEqual(
      server.refused.map((refusal) => [refusal.assignmentId, refusal.code]),
      [['asg_again', 'REFUSED_REPLAYED']],
    );
    assert.equal(restarts(), 1);
  });

  test('an outcome that the server will never take does not hold up the others', async () => {
    await setUp();
    server.down.add('/outcomes');
    const lost = order([BANNER]);
    order([RESTART], { id: 'asg_other' }, { nonce: 'other' });
    await runOnce();
    server.down.clear();
    server.assignments = [];
    server.unknownPlans.add(lost.digest);
    assert.equal((await runOnce()).code, 0);
    assert.deepEqual(
      server.outcomes.map(({ outcome }) => outcome.kind),
      ['service'],
    );
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.outcomes.length, 1);
  });

  test('deployed anew with a fresh token it enrols again; with a refused one it goes on as before', async () => {
    await setUp();
    await runOnce();
    configure({ token: server.token });
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.enrolled.length, 2);
    const [first, second] = server.enrolled.map((request) =>
      new Pkcs10CertificateRequest(request.csr).publicKey.toString('base64'),
    );
    assert.equal(first, second, 'the same key, so that an answer that was lost can be asked for again');
    configure({ token: 'lee_old' });
    assert.equal((await runOnce()).code, 0);
    assert.equal(server.enrolled.length, 2);
  });

  test('M.4: a newer package between approval and window is refused with the difference; nothing was touched', async () => {
    await setUp();
    tree.put('repo/candidate', '0.10.49-1\n');
    const plan = newPlan(AGENT_ID, [UPGRADE, RESTART]);
    plan.waves[0]!.tasks[0]!.relies.push(
      { kind: 'package', name: 'nodejs', version: '0.10.0-1' },
      { kind: 'candidate', name: 'nodejs', version: '0.10.48-1' },
    );
    server.assignments.push(assign(plan, [anna.approve(plan)]));
    await runOnce();
    assert.deepEqual(
      server.refused.map((refusal) => [refusal.code, refusal.why]),
      [['REFUSED_DRIFT', 'nodejs: plan says 0.10.48-1, candidate is 0.10.49-1.']],
    );
    assert.deepEqual([installs(), restarts()], [[], 0]);
  });

  test('a stolen server cannot run anything: unsigned, self-signed and altered plans end as refusals', async () => {
    await setUp();
    const mallory = newPerson('user_mallory');
    const plan = newPlan(AGENT_ID, [RESTART]);
    const altered = assign(plan, [anna.approve(plan)]);
    server.assignments.push(
      assign(plan, [], { id: 'asg_unsigned' }),
      assign(plan, [mallory.approve(plan)], { id: 'asg_self' }),
      { ...altered, id: 'asg_altered', plan: altered.plan.replace('shop.service', 'sshd.service') },
    );
    await runOnce();
    assert.deepEqual(
      server.refused.map((refusal) => refusal.code),
      ['REFUSED_APPROVALS_MISSING', 'REFUSED_APPROVAL_KEY_UNKNOWN', 'REFUSED_PLAN_ALTERED'],
    );
    assert.equal(restarts(), 0);
  });

  test('a step that fails ends the leg; undo puts everything back, restarts last', async () => {
    await setUp();
    const missing: AnyHostStep = { kind: 'set-file-mode', path: '/etc/not-there', mode: '0600' };
    const assignment = order([UPGRADE, RESTART, missing, BANNER]);
    await runOnce();
    assert.deepEqual(
      server.outcomes.map(({ outcome }) => outcome.ok),
      [true, true, false],
    );
    assert.match(server.outcomes[2]?.outcome.error ?? '', /not-there/);
    server.assignments = [{ ...assignment, id: 'asg_undo', mode: 'undo' }];
    server.outcomes.splice(0);
    await runOnce();
    assert.deepEqual(
      server.outcomes.map(({ outcome }) => [outcome.index, outcome.phase, outcome.ok, outcome.changed]),
      [
        [3, 'undo', true, false],
        [2, 'undo', true, false],
        [0, 'undo', true, true],
        [1, 'undo', true, true],
      ],
    );
    assert.deepEqual(installs(), ['nodejs 0.10.48-1', 'nodejs 0.10.0-1']);
    assert.equal(restarts(), 2);
    server.assignments = [{ ...assignment, id: 'asg_redo' }];
    await runOnce();
    assert.equal(server.refused.at(-1)?.code, 'REFUSED_REPLAYED');
  });

  test('2.10: it opens no port: none of its sockets listens, while it enrolls, reports and polls', async () => {
    await setUp();
    const { child } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    const listening = (): string[] => {
      const own = new Set(
        fs.readdirSync(`/proc/${child.pid}/fd`).flatMap((fd) => {
          try {
            return /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`))?.[1] ?? [];
          } catch {
            return [];
          }
        }),
      );
      const rows = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'].flatMap((name) =>
        fs
          .readFileSync(`/proc/net/${name}`, 'utf8')
          .split('\n')
          .slice(1)
          .map((row) => `${name} ${row.trim()}`),
      );
      const mine = rows.filter((row) => own.has(row.split(/\s+/)[10] ?? ''));
      sockets += mine.filter((row) => /^tcp6? /.test(row)).length;
      // TCP that listens is in state 0A; of the others any is one too many.
      return mine.filter((row) => !row.startsWith('tcp') || row.split(/\s+/)[4] === '0A');
    };
    let sockets = 0;
    await until('polls', () => {
      assert.deepEqual(listening(), []);
      return server.polls >= 3;
    });
    assert.ok(sockets > 0, 'its connections to the server are seen');
  });

  test('2.9: told to stop it says goodbye with its own signature, and why', async () => {
    await setUp();
    const { child, ended } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('polls', () => server.polls >= 1);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
    const [said] = server.goodbyes;
    assert.equal(said?.statement.kind, 'stopping');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: server.agentKey! }, format: 'jwk' });
    const bytes = Buffer.from(canonicalText(said!.statement));
    assert.ok(verify(null, bytes, key, Buffer.from(said!.signature, 'base64')));
  });

  test('runs on while the server is away, delivers when it is back, ends at once on SIGTERM', async () => {
    await setUp();
    server.down.add('/outcomes');
    order([BANNER]);
    const agent = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('the step is done', () => fs.existsSync(join(tree.root, 'etc/issue')));
    assert.equal(server.outcomes.length, 0);
    server.down.clear();
    await until('the outcome arrives', () => server.outcomes.length === 1);
    order([RESTART], {}, { nonce: 'second' });
    await until('the second task is done', () => server.outcomes.length === 2);
    const polls = server.polls;
    await until('it polls on', () => server.polls > polls);
    const stopped = Date.now();
    agent.child.kill('SIGTERM');
    const { code, signal } = await agent.ended;
    assert.deepEqual([code, signal], [0, null]);
    assert.ok(Date.now() - stopped < 3000);
  });

  test('what ended while the server was away is told when it is back, with a certificate that ended meanwhile, too', async () => {
    await setUp();
    server.pollSeconds = 1;
    server.life = { from: -3_600_000, to: 12_000 };
    server.down.add('/outcomes').add('/renew');
    order([BANNER]);
    const { child, log } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('the step is done', () => fs.existsSync(join(tree.root, 'etc/issue')));
    await server.away();
    await until('it misses the server', () => /is away|broke off/.test(log()));
    const before = fs.readdirSync(join(tree.root, STATE)).sort();
    await sleep(13_000);
    server.down.clear();
    await server.back();
    server.lapsedMs = 0;
    await sleep(3000);
    assert.deepEqual([server.renewals, server.outcomes.length], [0, 0], 'too late for a server that gives no grace');
    server.lapsedMs = 600_000;
    child.kill('SIGKILL');
    start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('the outcome arrives', () => server.outcomes.length === 1);
    assert.equal(server.renewals, 1);
    assert.ok(genuine(server.outcomes[0]!), 'the same key');
    assert.equal(server.enrolled.length, 1);
    assert.deepEqual(fs.readdirSync(join(tree.root, STATE)).sort(), [...new Set([...before, 'facts.cache'])].sort());
    assert.ok(log().split('\n').length < 30, log());
  });

  test('idle, it is another program in the same process, which is done when there is work', async () => {
    await setUp();
    server.factsSeconds = 2;
    server.pollSeconds = 1;
    const { child, ended } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    const waits = (): boolean => isWaiting(child);
    await until('it waits', waits);
    const looks = server.facts.length;
    await until('it is looked at meanwhile', () => server.facts.length > looks + 1);
    assert.ok(waits());
    tree.put('etc/login.defs', 'UMASK 027\n');
    await until('a change is seen', () => /login.defs/.test(JSON.stringify(server.facts.slice(looks))));
    assert.ok(waits());
    order([BANNER]);
    await until('the outcome', () => server.outcomes.length === 1);
    await until('it waits again', waits);
    const { polls } = server;
    await until('and polls', () => server.polls > polls);
    assert.equal(server.goodbyes.length, 0);
    child.kill('SIGTERM');
    assert.deepEqual([(await ended).code, server.goodbyes.length], [0, 1]);
  });

  test('idle, it is asked for fresh facts: it looks at everything, once', async () => {
    await setUp();
    server.pollSeconds = 1;
    const { child } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('it waits', () => isWaiting(child));
    const { length } = server.facts;
    server.refreshFacts = true;
    await until('it looks', () => server.facts.length > length);
    assert.deepEqual(
      server.facts[length]?.sections.map((section) => section.name),
      SECTION_NAMES,
    );
    await until('it waits again', () => isWaiting(child));
  });

  test('after work it stays whole for a while: what follows need not begin anew', async () => {
    await setUp();
    server.pollSeconds = 1;
    configure({ restSeconds: 4 });
    const { child, log } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('it waits', () => isWaiting(child));
    order([BANNER]);
    await until('the outcome', () => server.outcomes.length === 1);
    const { polls } = server;
    await until('it polls on', () => server.polls > polls + 1);
    assert.ok(!isWaiting(child), log());
    await until('it waits again', () => isWaiting(child));
  });

  test('after work that took longer than it rests: it stays whole for the look that proves it', async () => {
    await setUp();
    server.pollSeconds = 1;
    configure({ restSeconds: 4 });
    const { child, log } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('it waits', () => isWaiting(child));
    tree.put('usr/bin/apt-get', '#!/bin/sh\ncase "$*" in *update*) /bin/sleep 3 ;; esac\n');
    order([UPGRADE]);
    await until('the outcome', () => server.outcomes.length === 1);
    const { polls } = server;
    await until('it polls on', () => server.polls > polls + 1);
    assert.ok(!isWaiting(child), log());
    await until('it waits again', () => isWaiting(child));
  });

  test('asked for fresh facts by a server that is then away for them: it tells them all when it is back', async () => {
    await setUp();
    server.pollSeconds = 1;
    configure({ restSeconds: 60 });
    const { child, log } = start('bin.mjs', 'run', '--config', '/etc/lastember/agent.json');
    await until('it looked', () => server.facts.length > 0 && server.polls > 1);
    assert.ok(!isWaiting(child));
    const { length } = server.facts;
    server.down.add('/facts');
    server.refreshFacts = true;
    await until('its round breaks off', () => log().includes('Round broke off'));
    server.down.clear();
    await until('it looks', () => server.facts.length > length);
    assert.deepEqual(
      server.facts[length]?.sections.map((section) => section.name),
      SECTION_NAMES,
    );
  });

  test('what keeps it from handing over does not end it: it waits as it is, and says so once', async () => {
    await setUp();
    server.pollSeconds = 1;
    const { child, log } = await heldAtItsLook();
    tree.put('proc/sys/kernel/random/boot_id/x', '');
    tree.put('run/go', '');
    await until('it goes on', () => log().split('"Round broke off"').length > 2);
    assert.equal(log().split('"Cannot give its place').length, 2, log());
    fs.rmSync(join(tree.root, 'proc/sys/kernel/random/boot_id'), { recursive: true });
    fs.rmSync(join(tree.root, STATE, 'facts.cache'), { force: true });
    fs.mkdirSync(join(tree.root, STATE, 'facts.cache'));
    await until('it waits', () => isWaiting(child));
    assert.equal(child.exitCode, null);
  });

  test('its program is gone while it looks: it rests when there is one again', async () => {
    await setUp();
    server.pollSeconds = 1;
    const [gone, away] = ['gone.mjs', 'away.mjs'].map((name) => join(BUILT, name)) as [string, string];
    fs.copyFileSync(join(BUILT, 'bin.mjs'), gone);
    const { child, log } = await heldAtItsLook('gone.mjs');
    fs.renameSync(gone, away);
    tree.put('run/go', '');
    await until('it polls', () => server.polls >= 3 || child.exitCode !== null);
    assert.equal(child.exitCode, null, log());
    fs.renameSync(away, gone);
    await until('it waits', () => isWaiting(child));
  });

  test('M.8: a rewritten or shortened history raises an alarm with both roots, and nothing is carried out until it is cleared', async () => {
    for (const rewrite of [
      (trail: string[]): string[] => trail.map((entry, index) => (index === 1 ? 'rewritten' : entry)),
      (trail: string[]): string[] => [...trail.map((entry, index) => (index === 1 ? 'rewritten' : entry)), 'more'],
      (trail: string[]): string[] => trail.slice(0, -1),
    ]) {
      await setUp();
      server.trail = ['genesis', 'one', 'two', 'three'];
      await runOnce();
      server.trail = [...server.trail, 'four'];
      await runOnce();
      assert.equal(server.alarms.length, 0, 'a history that grows is no alarm');
      const remembered = fs.readFileSync(join(tree.root, STATE, 'checkpoint'), 'utf8');
      server.trail = rewrite(server.trail);
      server.down.add('/alarms');
      order([RESTART]);
      await runOnce();
      assert.equal(server.refused[0]?.code, 'REFUSED_TRAIL_INCONSISTENT');
      server.down.clear();
      await runOnce();
      assert.equal(server.alarms.length, 1, 'told once, as soon as it can be');
      const [alarm] = server.alarms;
      assert.equal(Buffer.from(alarm!.seen.root, 'hex').toString('base64'), remembered.split('\n')[2]);
      assert.notEqual(alarm!.offered.root, alarm!.seen.root);
      assert.equal(alarm!.offered.size, server.trail.length);
      assert.equal(restarts(), 0);
      const file = JSON.parse(tree.file(`${STATE}/alarm.json`)) as { seen: unknown };
      assert.deepEqual(file.seen, alarm!.seen);
      assert.equal((await start('bin.mjs', 'clear-alarm').ended).code, 0);
      server.refused.splice(0);
      server.assignments = [];
      order([RESTART], {}, { nonce: 'after' });
      await runOnce();
      assert.equal(restarts(), 1);
      await tearDown();
    }
  });

  test('a checkpoint signed by another key than the pinned one is an alarm, not a surprise', async () => {
    await setUp();
    await runOnce();
    const path = join(tree.root, STATE, 'identity.json');
    const identity = JSON.parse(fs.readFileSync(path, 'utf8')) as { checkpointKey: string };
    const other = await testServer([]);
    fs.writeFileSync(
      path,
      JSON.stringify({ ...identity, checkpointKey: identity.checkpointKey.replace('lastember.test', 'other.test') }),
    );
    await other.close();
    await runOnce();
    assert.match(server.alarms[0]?.why ?? '', /not signed by the key/);
  });
});

describe('SIGKILL at every journal record', () => {
  afterEach(tearDown);

  for (const when of ['before', 'after']) {
    test(`${when} it: started again, no step runs twice, no outcome is lost`, { timeout: 120_000 }, async () => {
      let crashes = 0;
      for (let at = 1; ; at += 1) {
        await setUp();
        tree.put('etc/session-secret', 'old\n');
        order([UPGRADE, RESTART, BANNER, SESSIONS]);
        const cut = await start('testing/crash.mjs', tree.root, String(at), when).ended;
        if (cut.signal === null) {
          assert.equal(cut.code, 0, cut.log);
          break;
        }
        crashes += 1;
        const again = await runOnce();
        assert.equal(again.code, 0, again.log);
        const told = new Map(server.outcomes.map((signed) => [signed.outcome.index, signed]));
        assert.deepEqual([...told.keys()].sort(), [0, 1, 2, 3], `cut at ${at}: an outcome is missing\n${again.log}`);
        for (const signed of told.values()) {
          assert.ok(signed.outcome.ok && genuine(signed), `cut at ${at}: ${signed.outcome.error}`);
          assert.ok(signed.outcome.changed, `cut at ${at}: step ${signed.outcome.index} says it changed nothing`);
        }
        assert.deepEqual(installs(), ['nodejs 0.10.48-1'], `cut at ${at}`);
        assert.equal(restarts(), 2, `cut at ${at}: a restart more or less`);
        assert.equal(told.get(0)?.outcome.before['version'], '0.10.0-1', `cut at ${at}: what was before is lost`);
        assert.deepEqual(server.refused, []);
        await tearDown();
      }
      assert.ok(crashes >= 10, `${crashes} crashes are too few to have met every record`);
    });
  }
});
