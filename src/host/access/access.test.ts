import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../model/errors/index.ts';
import { canonicalText } from '../canonical.ts';
import { localHost } from '../local.ts';
import type { Earlier, Seen, StepContext } from '../steps/contract.ts';
import { stepFor, type AnyHostStep } from '../steps/index.ts';
import { arm, disarm, fireAll, guardState, newToken } from './guard.ts';
import { knock } from './knock.ts';
import { listenersOf } from './listeners.ts';
import { whyTurnedAway, type Login } from './permits.ts';
import { sshdTree, type SshdTree } from './testing.ts';

const canRun = existsSync('/usr/sbin/sshd') && process.getuid?.() === 0;
const skip = canRun ? false : 'needs root and the real sshd';
const ADDRESS = '127.81.9.1';

const trees: SshdTree[] = [];
const servers: Server[] = [];
after(() => {
  for (const tree of trees) {
    tree.stop();
    tree.remove();
  }
  servers.forEach((server) => server.close());
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
async function takenPort(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).end('not SSH\r\n'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  return (server.address() as AddressInfo).port;
}
const listening = (port: number): string => `ListenAddress ${ADDRESS}:${port}\n`;

/** What a client gets that connects now. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, ADDRESS);
    socket.once('data', (data) => {
      resolve(data.toString('latin1').slice(0, 4));
      socket.destroy();
    });
    socket.once('error', () => resolve('nobody'));
  });
}

const restart: AnyHostStep = { kind: 'service', name: 'ssh.service', action: 'restart' };
const line = (key: string, value: string): AnyHostStep => ({
  kind: 'set-file-line',
  path: '/etc/ssh/sshd_config',
  key,
  separator: ' ',
  value,
});

interface Machine {
  tree: SshdTree;
  port: number;
  config: string;
}
async function machine(more = ''): Promise<Machine> {
  const port = await freePort();
  const tree = sshdTree(listening(port) + more);
  trees.push(tree);
  return { tree, port, config: tree.file('etc/ssh/sshd_config') };
}

const context = (earlier: Earlier[], more: Partial<StepContext> = {}): StepContext => ({
  inputs: {},
  task: { steps: [] },
  resumed: null,
  earlier,
  login: null,
  now: () => new Date(),
  ...more,
});
const json = (seen: Seen): Seen => JSON.parse(canonicalText(seen)) as Seen;

/** Does the steps one after the other, as the agent does: each is told what those before it saw. */
async function perform(tree: SshdTree, steps: AnyHostStep[], more: Partial<StepContext> = {}): Promise<Seen[]> {
  const host = localHost({ root: tree.root });
  const earlier: Earlier[] = [];
  const results: Seen[] = [];
  for (const step of steps) {
    const found = await stepFor(step).inspect(host, step, context(earlier, more));
    const before = json(found.before);
    results.push(found.already ?? (await stepFor(step).apply(host, step, before, context(earlier, more))));
    earlier.push({ step, before });
  }
  return results;
}

const lockedOut = (why: RegExp) => (error: unknown) => {
  assert.ok(isAppError(error, 'STEP_ACCESS'), String(error));
  assert.match(error.message, why);
  return true;
};

describe('sshd', { skip }, () => {
  test('new settings that let us in are in force, and the timer is off', async () => {
    const { tree, port } = await machine();
    const next = await freePort();
    await perform(tree, [line('ListenAddress', `${ADDRESS}:${next}`), line('MaxAuthTries', '3'), restart]);
    assert.deepEqual([await greeting(next), await greeting(port)], ['SSH-', 'nobody']);
    assert.match(tree.file('etc/ssh/sshd_config'), /MaxAuthTries 3/);
    assert.deepEqual(tree.told(), ['restart']);
  });

  test('a port that sshd cannot have: the old settings are back and in force', async () => {
    const { tree, port, config } = await machine();
    const taken = await takenPort();
    await assert.rejects(
      perform(tree, [line('ListenAddress', `${ADDRESS}:${taken}`), restart]),
      lockedOut(/not running|ended with|no SSH server answers.*are back and in force/s),
    );
    assert.equal(await greeting(port), 'SSH-');
    assert.equal(tree.file('etc/ssh/sshd_config'), config);
  });

  test('one of two listeners that goes silent is enough to go back', async () => {
    const { tree, port } = await machine();
    const taken = await takenPort();
    const drop: AnyHostStep = {
      kind: 'write-file',
      path: '/etc/ssh/sshd_config.d/more.conf',
      content: listening(taken),
      mode: '0644',
    };
    await assert.rejects(perform(tree, [drop, restart]), lockedOut(new RegExp(`answers on ${ADDRESS}:${taken}`)));
    assert.ok(!existsSync(join(tree.root, 'etc/ssh/sshd_config.d/more.conf')), 'what was not there is gone again');
    assert.equal(await greeting(port), 'SSH-');
  });

  test('settings that turn our own login away are refused before sshd reads them', async () => {
    const cases: [AnyHostStep, Login, RegExp][] = [
      [line('PermitRootLogin', 'no'), { user: 'root', method: 'publickey' }, /PermitRootLogin is no/],
      [line('AllowUsers', 'nobody'), { user: 'root', method: null }, /AllowUsers does not name root/],
      [line('PubkeyAuthentication', 'no'), { user: 'root', method: 'publickey' }, /keys are not taken/],
      [line('DenyGroups', 'root'), { user: 'root', method: null }, /DenyGroups names a group of root/],
    ];
    const { tree, port, config } = await machine('PermitRootLogin yes\n');
    for (const [step, login, why] of cases) {
      await assert.rejects(perform(tree, [step, restart], { login }), lockedOut(why));
      assert.equal(tree.file('etc/ssh/sshd_config'), config);
    }
    assert.deepEqual(tree.told(), [], 'it was not touched');
    assert.equal(await greeting(port), 'SSH-');
    await perform(tree, [line('PermitRootLogin', 'prohibit-password'), restart], {
      login: { user: 'root', method: 'publickey' },
    });
  });

  test('a login that is tried afresh and fails puts the old settings back', async () => {
    const { tree, port, config } = await machine();
    const logIn = (): Promise<void> => Promise.reject(new Error('permission denied'));
    await assert.rejects(
      perform(tree, [line('MaxAuthTries', '3'), restart], { logIn }),
      lockedOut(/permission denied/),
    );
    assert.equal(tree.file('etc/ssh/sshd_config'), config);
    assert.deepEqual([await greeting(port), tree.told()], ['SSH-', ['restart', 'restart']]);
  });

  test('files that sshd -t refuses are not put in place, neither the main one nor a drop-in', async () => {
    const { tree, config } = await machine();
    const invalid = (error: unknown): boolean => isAppError(error, 'STEP_INVALID_RESULT');
    await assert.rejects(perform(tree, [line('Nonsense', 'yes')]), invalid);
    const path = '/etc/ssh/sshd_config.d/10-x.conf';
    await assert.rejects(
      perform(tree, [{ kind: 'write-file', path, content: 'Nonsense yes\n', mode: '0600' }]),
      invalid,
    );
    assert.equal(tree.file('etc/ssh/sshd_config'), config);
    assert.ok(!existsSync(join(tree.root, path)));
    await perform(tree, [{ kind: 'write-file', path, content: 'X11Forwarding no\n', mode: '0600' }]);
  });
});

interface Cut {
  code: string | number;
  out: string;
  error: string;
}
/** Runs the restart in a process of its own, which dies at its n-th touch of the host. */
function cutAt(tree: SshdTree, at: number, seconds: number, given: object): Promise<Cut> {
  const program = join(import.meta.dirname, 'testing-cut.ts');
  const child = spawn(process.execPath, [program, tree.root, String(at), String(seconds), JSON.stringify(given)]);
  let [out, error] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (error += data.toString()));
  return new Promise((resolve) =>
    child.on('exit', (code, signal) => resolve({ code: signal ?? code ?? -1, out, error })),
  );
}

/** The settings were changed; the restart was inspected and its intent written down. */
async function halfWay(step: AnyHostStep): Promise<Machine & { given: { before: Seen; earlier: Earlier[] } }> {
  const made = await machine();
  const host = localHost({ root: made.tree.root });
  const found = await stepFor(step).inspect(host, step, context([]));
  await stepFor(step).apply(host, step, found.before, context([]));
  const earlier = [{ step, before: json(found.before) }];
  const before = json((await stepFor(restart).inspect(host, restart, context(earlier))).before);
  return { ...made, given: { before, earlier } };
}

/** Dies at the very touch by which the daemon read the new settings. */
async function restartedThenKilled(step: AnyHostStep): ReturnType<typeof halfWay> {
  for (let at = 5; at < 40; at += 1) {
    const made = await halfWay(step);
    const cut = await cutAt(made.tree, at, 8, { ...made.given, resumed: null });
    assert.equal(cut.code, 'SIGKILL', cut.error);
    if (made.tree.told().length > 0) return made;
    made.tree.stop();
  }
  throw new Error('the daemon was never told');
}

describe('sshd, when the agent dies', { skip }, () => {
  test('killed after a restart that locks everybody out: the timer puts the old settings back, once', async () => {
    const next = await freePort();
    const { tree, port, config, given } = await restartedThenKilled(line('ListenAddress', `${ADDRESS}:${next}`));
    const token = String(given.before['guard']);
    assert.deepEqual([await greeting(port), await greeting(next)], ['nobody', 'SSH-']);
    for (let waited = 0; (await greeting(port)) !== 'SSH-'; waited += 1) {
      assert.ok(waited < 150, 'the timer did not fire');
      await sleep(200);
    }
    for (let waited = 0; !existsSync(join(tree.root, `var/lib/lastember/guard/${token}/done`)); waited += 1) {
      assert.ok(waited < 100);
      await sleep(50);
    }
    assert.equal(tree.file('etc/ssh/sshd_config'), config);
    const told = tree.told().length;
    const resumed = await cutAt(tree, 0, 3, { ...given, resumed: given.before });
    assert.match(resumed.error, /nobody confirmed in time that a login works.*are back and in force/s);
    await sleep(4000);
    assert.equal(tree.told().length, told, 'nothing is put back or restarted twice');
  });

  test('killed at every touch of the host, then resumed: one restart, confirmed, and no timer fires later', async () => {
    const step = line('MaxAuthTries', '3');
    const cutOnce = async (at: number): Promise<boolean> => {
      const { tree, port, given } = await halfWay(step);
      const cut = await cutAt(tree, at, 60, { ...given, resumed: null });
      if (cut.code !== 0) assert.equal(cut.code, 'SIGKILL', cut.error);
      const again = await cutAt(tree, 0, 60, { ...given, resumed: given.before });
      assert.equal(again.code, 0, again.error);
      assert.deepEqual(tree.told(), ['restart'], `cut at touch ${at}`);
      assert.match(tree.file('etc/ssh/sshd_config'), /MaxAuthTries 3/);
      assert.equal(await guardState(localHost({ root: tree.root }), String(given.before['guard'])), 'confirmed');
      assert.equal(await greeting(port), 'SSH-');
      tree.stop();
      return cut.code === 0;
    };
    let [at, isOver] = [1, false];
    for (; !isOver; at += 3) isOver = (await Promise.all([at, at + 1, at + 2].map(cutOnce))).includes(true);
    assert.ok(at > 8, `${at} cuts are too few to have met every touch`);
  });
});

describe('the timer', { skip }, () => {
  const files = (text: string) => [{ path: '/etc/x', mode: 0o640, uid: 0, gid: 0, bytes: Buffer.from(text) }];

  test('armed twice it fires once; disarmed it does not; who comes second is told so', async () => {
    const { tree } = await machine();
    const host = localHost({ root: tree.root });
    tree.put('etc/x', 'new\n');
    const token = newToken();
    for (const _ of [1, 2]) await arm(host, token, { unit: 'ssh.service', files: files('old\n'), seconds: 1 });
    await sleep(4000);
    assert.deepEqual([tree.file('etc/x'), tree.told()], ['old\n', ['restart']]);
    assert.equal(await disarm(host, token), false, 'it has fired');

    tree.put('etc/x', 'new\n');
    const other = newToken();
    await arm(host, other, { unit: 'ssh.service', files: files('old\n'), seconds: 2 });
    assert.deepEqual([await disarm(host, other), await disarm(host, other)], [true, true]);
    await sleep(4000);
    assert.deepEqual([tree.file('etc/x'), tree.told()], ['new\n', ['restart']]);
  });
});

test(
  'before what it needs is removed, whatever is armed is put back, and what was confirmed stays',
  { skip },
  async () => {
    const { tree } = await machine();
    const host = localHost({ root: tree.root });
    const files = (path: string) => [{ path, mode: 0o640, uid: 0, gid: 0, bytes: Buffer.from('old\n') }];
    tree.put('etc/x', 'new\n');
    tree.put('etc/y', 'new\n');
    await arm(host, newToken(), { unit: 'ssh.service', files: files('/etc/x') });
    const confirmed = newToken();
    await arm(host, confirmed, { unit: 'ssh.service', files: files('/etc/y') });
    assert.ok(await disarm(host, confirmed));
    assert.equal(await fireAll(host, 'a test'), 1);
    assert.deepEqual([tree.file('etc/x'), tree.file('etc/y'), tree.told()], ['old\n', 'new\n', ['restart']]);
    assert.equal(await fireAll(host, 'a test'), 0);
  },
);

test('where sshd listens, as sshd -T tells it', () => {
  const of = (listenaddress: string, port = '22'): string[] =>
    listenersOf({ listenaddress, port }).map((one) => `${one.address} ${one.port}`);
  assert.deepEqual(of('[::]:22 0.0.0.0:22'), [':: 22', '0.0.0.0 22']);
  assert.deepEqual(of('10.0.0.1:2222 [fe80::1]:22'), ['10.0.0.1 2222', 'fe80::1 22']);
  assert.deepEqual(of('10.0.0.1', '22 2222'), ['10.0.0.1 22', '10.0.0.1 2222']);
});

test('whom sshd turns away, by its own order of rules', () => {
  const root: Login = { user: 'root', method: 'publickey' };
  const why = (settings: Record<string, string>, login = root, groups: string[] | null = ['root']): string | null =>
    whyTurnedAway(settings, login, groups);
  assert.equal(why({}), null);
  assert.equal(why({ permitrootlogin: 'prohibit-password' }), null);
  assert.match(why({ permitrootlogin: 'prohibit-password' }, { user: 'root', method: 'password' })!, /PermitRootLogin/);
  assert.match(why({ permitrootlogin: 'forced-commands-only' })!, /PermitRootLogin/);
  assert.equal(why({ permitrootlogin: 'no' }, { user: 'ops', method: 'publickey' }), null);
  assert.match(why({ denyusers: 'r*' })!, /DenyUsers/);
  assert.equal(why({ allowusers: 'ops root@10.0.0.0/8' }), null);
  assert.match(why({ allowgroups: 'ssh admin' })!, /AllowGroups/);
  assert.equal(why({ allowgroups: 'ssh' }, root, null), null, 'nobody knows its groups');
  assert.match(why({ authenticationmethods: 'publickey,password' })!, /AuthenticationMethods/);
  assert.equal(why({ authenticationmethods: 'publickey,password publickey' }), null);
  assert.match(
    why({ passwordauthentication: 'no', kbdinteractiveauthentication: 'no' }, { user: 'a', method: 'password' })!,
    /passwords/,
  );
});

test('knocking: a greeting of SSH, something else, nobody', { skip }, async () => {
  const { tree, port } = await machine();
  const host = localHost({ root: tree.root });
  const other = await takenPort();
  const ask = (at: number, greets: 'ssh' | 'any'): Promise<string> =>
    knock(host, { address: ADDRESS, port: at }, greets);
  assert.equal(await ask(port, 'ssh'), 'answers');
  assert.deepEqual([await ask(other, 'ssh'), await ask(other, 'any')], ['silent', 'answers']);
  assert.equal(await ask(await freePort(), 'any'), 'silent');
});
