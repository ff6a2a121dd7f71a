import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { AGENT_PATHS } from '../../model/agent-paths.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { GoodbyeRequest } from '../../model/agent.ts';
import { newSshKey } from '../../host/ssh/testing/keys.ts';
import { addCredential } from './credentials.ts';
import { createDeployment } from './make-deployment.ts';
import type { AgentRecord } from './face.ts';
import { createEnrollment } from './index.ts';
import { isGenuine } from './logic/goodbye.ts';
import { deployments } from './store-deployments.ts';
import { type Box, sshdSkip as skip, makeBox } from './testing/box.ts';
import { PACKS_SMALL } from './testing/packed.ts';
import { operator, scan, type Served, serve } from './testing/served.ts';
import { uninstallFrom } from './uninstall.ts';
import { listEntries } from '../../platform/ledger/index.ts';

const ADDRESS = '127.84.21.1';
let served: Served;
let box: Box;
let clean: string[];
let hostId: string;

before(async () => {
  if (skip) return;
  served = await serve({}, { pollSeconds: 1 });
  box = makeBox({ node: true, machineId: 'box-leaving', lacks: PACKS_SMALL });
  const { private: privateKey, public: publicKey } = newSshKey();
  const port = await box.sshd(ADDRESS, publicKey);
  await scan(served, [ADDRESS], `${port}`);
  await addCredential(served.platform, served.discovery, operator, {
    kind: 'private-key',
    name: 'ops',
    username: 'root',
    privateKey,
  });
  hostId = (await served.discovery.hostByAddress(ADDRESS))!.id;
  clean = box.listing();
});
after(async () => {
  box?.remove();
  await served?.close();
});

async function deploy(): Promise<AgentRecord> {
  const how = { hostIds: [hostId], force: true, acceptHostKey: false, agentless: false };
  const made = await createDeployment(served.platform, served.discovery, operator, how);
  await served.platform.drain();
  const [done] = await deployments(served.platform.db, [made.id]);
  assert.deepEqual([done!.hosts[0]!.state, done!.hosts[0]!.why], ['done', null]);
  const agent = (await served.enrollment.agentOfHost(hostId))!;
  await until('it reports', async () => (await served.enrollment.agent(agent.id))?.lastCheckIn);
  return agent;
}
async function until<T>(what: string, holds: () => Promise<T>): Promise<NonNullable<T>> {
  for (let tries = 0; tries < 150; tries += 1) {
    const found = await holds();
    if (found) return found;
    await sleep(100);
  }
  return assert.fail(`it did not happen within 15 s: ${what}`);
}
/** The timer that looks for silent agents, so much later. */
async function later(minutes: number): Promise<void> {
  const now = (): Date => new Date(Date.now() + minutes * 60_000);
  const enrollment = createEnrollment({ ...served.platform, now }, served.discovery, async () => '');
  await enrollment.jobs['enrollment.lost-agents']!({});
}
const host = async () => (await served.discovery.host(hostId))!;
const agentNow = async (id: string) => (await served.enrollment.agent(id))!;
async function entry(type: string, agentId: string) {
  const entries = (await listEntries(served.platform.db)).map((row) => row.entry as never) as {
    type: string;
    subject: { id: string };
    reason: string | null;
    detail: Record<string, unknown>;
  }[];
  return entries.findLast((one) => one.type === type && (one.subject.id === agentId || type.includes('uninstall.')));
}
const uninstall = () => uninstallFrom(served.platform, served.discovery, operator, hostId, { reason: 'sold' });

describe('2.9: an agent that goes', { skip }, () => {
  test('2.9: uninstalled by our order over SSH: nothing is left, its goodbye is signed, nobody is alarmed', async () => {
    const agent = await deploy();
    assert.notDeepEqual(box.listing(), clean);
    assert.deepEqual(await uninstall(), { credential: 'ops', told: true });
    assert.deepEqual(box.listing(), clean);
    assert.equal(box.agent(), null);
    assert.equal((await host()).management, 'unmanaged');
    const gone = await agentNow(agent.id);
    assert.equal(gone.state, 'revoked');
    assert.match(gone.problem!, /^uninstalled by alex at /);
    assert.equal((await entry('enrollment.uninstall.ordered', hostId))?.reason, 'sold');
    const told = await entry('enrollment.agent.uninstalled', agent.id);
    assert.equal(told?.detail['orderedBy'], 'alex');
    const goodbye = told?.detail['goodbye'] as GoodbyeRequest;
    assert.ok(isGenuine(goodbye, agent.id, agent.publicKey));
    assert.ok(
      !isGenuine({ ...goodbye, statement: { ...goodbye.statement, reason: 'other' } }, agent.id, agent.publicKey),
    );
    await assert.rejects(uninstall(), (error) => isAppError(error, 'UNINSTALL_NOTHING'));
  });

  test('2.9: uninstalled on the host by nobody of us: nothing is left either, and the host is lost, with the reason', async () => {
    const agent = await deploy();
    const ran = await box.run(`node ${AGENT_PATHS.bundle} uninstall`);
    assert.deepEqual([ran.code, ran.out], [0, 'uninstalled\n'], ran.err);
    assert.deepEqual(box.listing(), clean);
    const { management, note } = await host();
    assert.equal(management, 'lost');
    assert.match(note!, /uninstalled on the host, by no order of ours/);
    assert.match((await agentNow(agent.id)).problem!, /by no order of ours/);
    assert.equal((await entry('enrollment.agent.uninstalled', agent.id))?.detail['orderedBy'], null);
  });

  test('2.9: in the middle of a change it stays; by force it goes, and what waits for a login to be confirmed is put back', async () => {
    await deploy();
    const plan = JSON.stringify({ changeId: 'change_7' });
    box.put('var/lib/lastember/open/61.json', JSON.stringify({ taskId: 'task_7', plan }));
    box.put('etc/x', 'new');
    const { lay, newToken } = await import('../../host/access/guard.ts');
    const { localHost } = await import('../../host/local.ts');
    const old = [{ path: '/etc/x', mode: 0o644, uid: 0, gid: 0, bytes: Buffer.from('old') }];
    await lay(localHost({ root: box.root }), newToken(), old);
    await assert.rejects(uninstall(), (error) => {
      assert.ok(isAppError(error, 'UNINSTALL_MIDWAY'), String(error));
      return /task_7 of change_7/.test(error.message);
    });
    const refused = await box.run(`node ${AGENT_PATHS.bundle} uninstall`);
    assert.match(refused.err, /in the middle of a change \(task_7 of change_7\)/);
    assert.ok(box.agent() !== null && box.has('var/lib/lastember/identity.json'), 'nothing was touched');
    const ran = await box.run(`node ${AGENT_PATHS.bundle} uninstall --force`);
    assert.equal(ran.code, 0, ran.err);
    assert.equal(box.file('etc/x'), 'old');
    await box.run('rm /etc/x');
    assert.deepEqual(box.listing(), clean);
  });

  test('2.9: --keep-config keeps the settings and nothing else', async () => {
    await deploy();
    assert.equal((await box.run(`node ${AGENT_PATHS.bundle} uninstall --keep-config`)).code, 0);
    const more = box.listing().filter((row) => !clean.includes(row));
    assert.deepEqual(
      more.map((row) => row.split(' ')[0]),
      ['etc/lastember', 'etc/lastember/agent.json'],
    );
    await box.run('rm -r /etc/lastember');
  });

  test('2.9: a program that does not run any more: the same is done by hand; the server says that it could not say goodbye', async () => {
    const agent = await deploy();
    await box.run(`echo 'process.exit(70)' >${AGENT_PATHS.bundle}`);
    assert.deepEqual(await uninstall(), { credential: 'ops', told: false });
    assert.deepEqual(box.listing(), clean);
    assert.equal((await entry('enrollment.agent.uninstalled', agent.id))?.detail['goodbye'], null);
  });

  test('2.9: where no service manager runs it: its supervisor is stopped, and nothing is left, whoever uninstalls', async () => {
    box.put('run/systemctl.broken', '');
    await box.run('mkdir -m 755 -p /var/log /var/run /etc/logrotate.d /etc/alternatives');
    await box.run(
      'for awk in mawk gawk; do [ ! -x /usr/bin/$awk ] || ln -sf /usr/bin/$awk /etc/alternatives/awk; done',
    );
    box.put('etc/rc.local', '#!/bin/sh -e\nexit 0\n', 0o755);
    const before = box.listing();
    const supervisor = (): number => Number(box.file(AGENT_PATHS.pid));
    let pid = 0;
    try {
      for (const how of ['by us', 'on the host'] as const) {
        await deploy();
        pid = supervisor();
        assert.ok(existsSync(`/proc/${pid}`));
        assert.match(box.file(AGENT_PATHS.rcLocal), /control start/);
        await box.run(`touch ${AGENT_PATHS.log}.1.gz`);
        if (how === 'by us') assert.deepEqual(await uninstall(), { credential: 'ops', told: true });
        else assert.equal((await box.run(`node ${AGENT_PATHS.bundle} uninstall`)).code, 0);
        assert.deepEqual(box.listing(), before, how);
        assert.ok(!existsSync(`/proc/${pid}`), 'it ended');
      }
      await deploy();
      pid = supervisor();
      await box.run(`echo 'process.exit(70)' >${AGENT_PATHS.bundle}`);
      assert.deepEqual(await uninstall(), { credential: 'ops', told: false });
      assert.deepEqual(box.listing(), before, 'by hand');
      assert.ok(!existsSync(`/proc/${pid}`), 'it ended');
      const node = readFileSync(join(box.root, '../tools/node'));
      await box.run('rm /usr/local/bin/node');
      try {
        await deploy();
        pid = supervisor();
        assert.deepEqual([box.has(AGENT_PATHS.program), existsSync(`/proc/${pid}`)], [true, true]);
        assert.deepEqual(await uninstall(), { credential: 'ops', told: true });
        assert.deepEqual(box.listing(), before, 'as one file');
        assert.ok(!existsSync(`/proc/${pid}`), 'it ended');
      } finally {
        writeFileSync(join(box.root, '../tools/node'), node, { mode: 0o755 });
      }
    } finally {
      if (pid > 0 && existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGTERM');
      await box.run('rm -rf /run/systemctl.broken /var/log /var/run /etc/logrotate.d /etc/alternatives /etc/rc.local');
    }
  });

  test('2.9: stopped on the host: lost after two minutes with what it said, and that the host still answers; back when it is', async () => {
    const agent = await deploy();
    await box.run('systemctl stop lastember-agent.service');
    await later(1);
    assert.equal((await host()).management, 'managed', 'it may be a restart');
    await later(3);
    const { management, note } = await host();
    assert.equal(management, 'lost');
    assert.match(
      note!,
      /was stopped on the host, by no order of ours, at .*its service was stopped.*still answers at 127\.84\.21\.1:/,
    );
    assert.equal((await agentNow(agent.id)).problem, note);
    assert.equal((await entry('enrollment.agent.lost', agent.id))?.detail['why'], note);
    await box.run('systemctl start lastember-agent.service');
    await until('it is back', async () => (await host()).management === 'managed');
    assert.equal((await agentNow(agent.id)).problem, null);
  });

  test('2.9: a machine that goes down says so, and has its time; an agent that is killed is missed, with its host answering', async () => {
    const agent = await deploy();
    box.put('run/systemctl.state', 'stopping');
    await box.run('systemctl stop lastember-agent.service; rm /run/systemctl.state');
    await later(3);
    assert.equal((await host()).management, 'managed', 'machines restart');
    await later(20);
    assert.match((await host()).note!, /its machine went down at/);
    await box.run('systemctl start lastember-agent.service');
    await until('it is back', async () => (await host()).management === 'managed');
    process.kill(box.agent()!, 'SIGKILL');
    await later(3);
    assert.equal((await host()).management, 'managed');
    await later(20);
    assert.match(
      (await host()).note!,
      /last heard of at .* the host still answers at 127\.84\.21\.1:\d+: it was killed, removed or cut off/,
    );
    assert.equal((await agentNow(agent.id)).state, 'lost');
  });

  test('2.9: nobody says goodbye for another; an order that could not be carried out is withdrawn', async () => {
    const agent = await deploy();
    const statement = { type: 'lastember/goodbye/v1' as const, agentId: agent.id, kind: 'uninstalled' as const };
    const said = { ...statement, shutdown: false, reason: 'x', at: new Date().toISOString() };
    const route = served.enrollment.agentRoutes.find(({ id }) => id === 'agentGoodbye')!;
    const body = { statement: said, signature: Buffer.alloc(64).toString('base64') };
    const call = route.handler({ agent: { agentId: agent.id, hostId }, body, ip: '127.0.0.1' } as never);
    await assert.rejects(call as Promise<never>, (error) => isAppError(error, 'GOODBYE_REFUSED'));
    const wrong = { reason: 'sold', credentials: ['none'] };
    await assert.rejects(uninstallFrom(served.platform, served.discovery, operator, hostId, wrong), (error) =>
      isAppError(error, 'NOT_FOUND'),
    );
    await box.run('mv /root/.ssh /root/.away');
    await assert.rejects(uninstall(), (error) => isAppError(error, 'DEPLOY_NO_LOGIN'));
    await box.run('mv /root/.away /root/.ssh');
    assert.ok(await entry('enrollment.uninstall.failed', hostId));
    await box.run(`node ${AGENT_PATHS.bundle} uninstall`);
    assert.equal((await host()).management, 'lost', 'the order does not stand any more');
  });

  test('2.9: an agent that came as one file takes itself off as well, ordered, on the host, and by hand', async () => {
    await box.run('rm /usr/local/bin/node');
    const ours = await deploy();
    assert.deepEqual([box.has(AGENT_PATHS.program), box.has(AGENT_PATHS.bundle)], [true, false]);
    assert.deepEqual(await uninstall(), { credential: 'ops', told: true });
    assert.deepEqual([box.listing(), box.agent()], [clean, null]);
    const told = (await entry('enrollment.agent.uninstalled', ours.id))?.detail['goodbye'] as GoodbyeRequest;
    assert.ok(isGenuine(told, ours.id, ours.publicKey));
    await assert.rejects(uninstall(), (error) => isAppError(error, 'UNINSTALL_NOTHING'));

    const theirs = await deploy();
    const ran = await box.run(`${AGENT_PATHS.program} uninstall`);
    assert.deepEqual([ran.code, ran.out], [0, 'uninstalled\n'], ran.err);
    assert.deepEqual([box.listing(), box.agent()], [clean, null]);
    assert.match((await agentNow(theirs.id)).problem!, /by no order of ours/);

    await deploy();
    await box.run(
      `printf '#!/bin/sh\nexit 70\n' >/run/broken && chmod 755 /run/broken && mv /run/broken ${AGENT_PATHS.program}`,
    );
    assert.deepEqual(await uninstall(), { credential: 'ops', told: false });
    assert.deepEqual([box.listing(), box.agent()], [clean, null]);
  });
});
