import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../model/errors/index.ts';
import { testTree, type TestTree } from '../steps/testing.ts';
import type { JournalRecord } from '../tasks/journal.ts';
import { sshHost, type SshHost, type SshTarget } from './index.ts';
import { newSshKey } from './testing/keys.ts';
import { testSshServer, type TestSshServer } from './testing/server.ts';
import { putSudo } from './testing/sudo.ts';
import { openWork, workDir, type Work, type WorkOptions } from './work/index.ts';

const tree: TestTree = testTree();
let server: TestSshServer;
const open: { remote: SshHost; work: Work | null }[] = [];

before(async () => {
  server = await testSshServer({
    root: tree.root,
    username: 'ops',
    password: 'up',
    hostKey: newSshKey().private,
    path: join(tree.root, 'usr/bin'),
    address: '127.78.5.1',
  });
});
after(async () => {
  await server.close();
  tree.remove();
});
afterEach(async () => {
  for (const { remote, work } of open.splice(0)) {
    await work?.close().catch(() => {});
    await remote.close();
  }
});

const target = (more: Partial<SshTarget> = {}): SshTarget => ({
  address: '127.78.5.1',
  port: server.port,
  username: 'ops',
  auth: { password: 'up' },
  trust: server.fingerprint,
  ...more,
});

async function begin(more: Partial<WorkOptions> = {}, how: Partial<SshTarget> = {}): Promise<Work> {
  const remote = await sshHost(target(how));
  const one: { remote: SshHost; work: Work | null } = { remote, work: null };
  open.push(one);
  one.work = await openWork(remote, {
    access: 'access_1',
    name: 'worker-a',
    now: () => new Date(),
    signal: new AbortController().signal,
    guard: () => {},
    ...more,
  });
  return one.work;
}

const jobs = (): string[] => fs.readdirSync(join(tree.root, 'run/lastember/jobs'));
const lines = (name: string): string[] =>
  fs.existsSync(join(tree.root, name)) ? tree.file(name).split('\n').filter(Boolean) : [];
const until = async (what: () => boolean): Promise<void> => {
  for (let n = 0; !what(); n += 1) {
    assert.ok(n < 400, 'waited too long');
    await sleep(25);
  }
};

for (const how of ['as root', 'by sudo'] as const) {
  test(`${how}: commands give what they give anywhere: code, output, input, limits`, async () => {
    if (how === 'by sudo') putSudo(join(tree.root, 'usr/bin'), 'up');
    const more: Partial<SshTarget> =
      how === 'by sudo' ? { become: { method: 'sudo', password: 'up' }, root: tree.root } : {};
    const { host } = await begin({}, more);
    const awkward = `a b'c"$(d)\n\\`;
    assert.deepEqual(await host.exec(['printf', '%s', awkward]), { code: 0, stdout: awkward, stderr: '' });
    assert.deepEqual(await host.exec(['cat'], { stdin: 'through\0it' }), {
      code: 0,
      stdout: 'through\0it',
      stderr: '',
    });
    const both = await host.exec(['sh', '-c', 'echo out; echo err >&2; exit 9']);
    assert.deepEqual(both, { code: 9, stdout: 'out\n', stderr: 'err\n' });
    assert.equal((await host.exec(['no-such-command'])).code, 127);
    assert.equal((await host.exec(['sh', '-c', 'kill -KILL $$'])).code, 137);
    assert.equal((await host.exec(['head', '-c', '100000', '/dev/zero'], { maxOutput: 10 })).stdout.length, 10);
    assert.equal((await host.exec(['sh', '-c', 'umask'])).stdout.trim(), '0022');
    const began = Date.now();
    await assert.rejects(host.exec(['sleep', '60'], { timeoutMs: 1000 }), (e) => isAppError(e, 'HOST_COMMAND_TIMEOUT'));
    assert.ok(Date.now() - began < 6000);
    if (how === 'by sudo') fs.rmSync(join(tree.root, 'usr/bin/sudo'));
  });
}

test('a command goes on when the connection is cut; the next one waits for it, and does not begin it again', async () => {
  const work = await begin();
  const command = ['sh', '-c', 'echo begun >> run/slow; sleep 2; echo ended >> run/slow; echo said; exit 3'];
  const cut = assert.rejects(work.acting('plan task 0 apply').exec(command), (e) => isAppError(e));
  await until(() => lines('run/slow').length === 1);
  server.drop();
  await cut;
  assert.ok(await work.lost());
  const again = await begin({ name: 'worker-b' });
  assert.deepEqual(lines('run/slow'), ['begun', 'ended'], 'it was waited for');
  const other = await again.acting('plan task 1 apply').exec(['sh', '-c', 'echo other']);
  assert.equal(other.stdout, 'other\n');
  const result = await again.acting('plan task 0 apply').exec(command);
  assert.deepEqual(result, { code: 3, stdout: 'said\n', stderr: '' });
  assert.deepEqual(lines('run/slow'), ['begun', 'ended'], 'and was not begun again');
  await again.acting('plan task 0 apply').exec(command);
  assert.equal(lines('run/slow').length, 4, 'its result is good for once');
  await again.close();
  await until(() => jobs().length === 0);
});

test('the limit of a command holds on the host, whoever is there', async () => {
  const work = await begin();
  const cut = assert.rejects(
    work.acting('x').exec(['sh', '-c', 'echo $$ > run/long; exec sleep 300'], { timeoutMs: 2000 }),
  );
  await until(() => lines('run/long').length === 1);
  const pid = Number(tree.file('run/long'));
  server.drop();
  await cut;
  await until(() => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
});

test('one at a time: a second worker is told who is there; for the same access the one that hangs is ended', async () => {
  const first = await begin();
  await assert.rejects(begin({ access: 'access_2', name: 'other' }), (e) => {
    assert.ok(isAppError(e, 'HOST_LOCKED'));
    assert.match(e.message, /held by worker-a/);
    return true;
  });
  const second = await begin({ name: 'worker-b' });
  await assert.rejects(first.host.exec(['true']), (e) => isAppError(e, 'HOST_CONNECTION_LOST'));
  await assert.rejects(first.journal.write(start), (e) => isAppError(e));
  assert.ok(await first.lost());
  assert.equal((await second.host.exec(['echo', 'mine'])).stdout, 'mine\n');
  assert.equal(tree.file('run/lastember/lock/name'), 'worker-b\n');
  await second.close();
  await until(() => !fs.existsSync(join(tree.root, 'run/lastember/lock')));
});

test('a lock whose holder is gone, or that was never finished, holds nobody up', async () => {
  const lock = join(tree.root, 'run/lastember/lock');
  fs.mkdirSync(lock, { recursive: true });
  tree.put('run/lastember/lock/pid', '4194000 123\n');
  await (await begin()).close();
  await until(() => !fs.existsSync(lock));
  fs.mkdirSync(lock);
  await (await begin()).close();
  await until(() => !fs.existsSync(lock));
  // The number of the holder went to another process meanwhile.
  fs.mkdirSync(lock);
  tree.put('run/lastember/lock/pid', `${process.pid} 1\n`);
  await begin();
});

test('who is not to act any more does nothing: the guard is asked before everything', async () => {
  let mine = true;
  const guard = (): void => {
    if (!mine) throw new Error('not mine');
  };
  const { host, acting, journal } = await begin({ guard });
  await host.exec(['true']);
  mine = false;
  for (const act of [
    host.exec(['true']),
    acting('x').exec(['true']),
    host.write('/etc/x', Buffer.from('x'), 0o600),
    journal.write(start),
  ])
    await assert.rejects(act, /not mine/);
  assert.equal(fs.existsSync(join(tree.root, 'etc/x')), false);
});

const digest = 'a'.repeat(64);
const task = { assignment: 'asg_1', digest, taskId: 'task_1' };
const start: JournalRecord = { t: 'start', ...task, mode: 'apply', notAfter: '2126-01-02T00:00:00.000Z' };
const intent = (index: number, before: object): JournalRecord => ({
  t: 'intent',
  ...task,
  index,
  phase: 'apply',
  before: before as Record<string, unknown>,
});

test('the journal lies on the host: read again as it was written, a torn line cut off, what expired forgotten', async () => {
  const path = `${workDir('access_1')}/journal.jsonl`;
  const first = await begin();
  await first.journal.write(start);
  await first.journal.write(intent(0, { text: `'"\n$(x) é ${'y'.repeat(200_000)}` }));
  await first.close();
  assert.equal(fs.statSync(join(tree.root, path)).mode & 0o777, 0o600);
  fs.appendFileSync(join(tree.root, path), '{"t":"done","assig');
  const again = await begin();
  const memory = again.journal.task(digest, 'task_1');
  assert.ok(memory.begun);
  assert.equal(String(memory.steps.get(0)?.before?.['text']).length, 200_010);
  await again.journal.write(intent(1, {}));
  await again.close();
  assert.equal(lines(path.slice(1)).length, 3);
  const later = await begin({ now: () => new Date('2126-06-01T00:00:00Z') });
  assert.equal(later.journal.task(digest, 'task_1').begun, false);
  await later.close();
});

test('a host without room begins nothing, and the journal stays whole', async () => {
  const { journal, host } = await begin();
  const path = join(tree.root, workDir('access_1'), 'journal.jsonl');
  const before = fs.readFileSync(path, 'utf8');
  fs.mkdirSync(`${path}.add`);
  await assert.rejects(journal.write(start), (e) => isAppError(e, 'HOST_FILE'));
  fs.rmdirSync(`${path}.add`);
  assert.equal(fs.readFileSync(path, 'utf8'), before);
  fs.rmSync(join(tree.root, 'run/lastember/jobs'), { recursive: true });
  tree.put('run/lastember/jobs', 'no directory');
  await assert.rejects(host.exec(['sh', '-c', 'echo x > run/never']), (e) => isAppError(e, 'HOST_COMMAND'));
  fs.rmSync(join(tree.root, 'run/lastember/jobs'));
  assert.equal(fs.existsSync(join(tree.root, 'run/never')), false);
});
