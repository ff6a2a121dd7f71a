/** The doors by which an agent comes onto a host of somebody else's making: the line, the list, the package, a copy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnrollmentTokenInput, NewEnrollmentToken } from '../../../src/model/enrollment.ts';
import { AGENT_PATHS } from '../../../src/model/agent-paths.ts';
import { until } from '../../demo/run/wait.ts';
import { addressOfHost, listFile } from '../testing/served.ts';
import { differences, listing, processes, reports, sh, type Rows } from './context.ts';

const makeToken = ({ server }: Rows, body: Partial<EnrollmentTokenInput>): Promise<NewEnrollmentToken> =>
  server.operator.createEnrollmentToken({ body });

/** As somebody pastes the line into a root shell of the host. */
const paste = (rows: Rows, host: string, line: string): Promise<{ code: number; stdout: string; stderr: string }> =>
  rows.lab.exec(host, 'sh', '-c', line);

export function doors(rows: Rows): void {
  let expired: NewEnrollmentToken;

  test('1.13: what discovery found is unmanaged, host by host', async () => {
    expired = await makeToken(rows, { minutes: 1 });
    const { items } = await rows.server.operator.listHosts();
    assert.ok(items.length > 0);
    for (const { name, management, claim } of items)
      assert.deepEqual([name, management, claim], [name, 'unmanaged', 'unknown']);
  });

  test('1.3: a host without an agent tells its processes, sockets and packages over SSH', async () => {
    const { operator } = rows.server;
    const { id } = await rows.server.host('web2');
    const done = await rows.server.deploy({ hostIds: [id], agentless: true });
    assert.deepEqual(
      done.hosts.map(({ state, why }) => [state, why]),
      [['done', null]],
    );
    const { sections } = await until('facts over SSH', 120, async () => {
      const facts = await operator.getHostFacts({ params: { id } });
      return facts.sections.packages && facts.sections.sockets && facts.sections.processes ? facts : null;
    });
    const installed = await sh(
      rows,
      'web2',
      "dpkg-query -W -f '${db:Status-Status} ${Package}=${Version}\\n' | sed -n 's/^installed //p'",
    );
    assert.deepEqual(
      sections.packages!.map((one) => `${one.name}=${one.version}`).sort(),
      installed.trim().split('\n').sort(),
    );
    const listening = (await sh(rows, 'web2', 'ss -tlnH')).trim().split('\n').length;
    assert.equal(sections.sockets!.length, listening);
    assert.ok(sections.processes!.some(({ unit }) => unit === 'nginx.service'));
    assert.doesNotMatch(await sh(rows, 'web2', 'ls /opt /etc /var/lib'), /lastember/);
  });

  test('2.1: one line with curl installs an agent that enrolls; its token is good for nobody else, nor later', async () => {
    const token = await makeToken(rows, { minutes: 30, for: addressOfHost('web1'), tags: { env: 'lab' } });
    const before = await listing(rows, 'old1');
    const elsewhere = await paste(rows, 'old1', token.line);
    assert.equal(elsewhere.code, 4, elsewhere.stderr);
    assert.match(elsewhere.stderr, /for hosts that call from 10\.61\.0\.11.*this one calls from 10\.61\.0\.13/);
    const ran = await paste(rows, 'web1', token.line);
    assert.equal(ran.code, 0, ran.stderr);
    await reports(rows, 'web1');
    const { tags, management } = await rows.server.host('web1');
    assert.deepEqual([tags, management], [{ env: 'lab' }, 'managed']);
    const once = await makeToken(rows, { minutes: 30 });
    assert.equal((await paste(rows, 'web1', once.line.replace('sh "$f"', 'sh "$f" --force'))).code, 0);
    const second = await paste(rows, 'old1', once.line);
    assert.equal(second.code, 4, second.stderr);
    assert.match(second.stderr, /token was refused/);
    assert.deepEqual(differences(before, await listing(rows, 'old1')), [], 'nothing half-done');
  });

  test('2.10: the agent listens nowhere', async () => {
    await reports(rows, 'web1');
    const listening = await sh(rows, 'web1', 'ss -Hlnp');
    const connected = await sh(rows, 'web1', 'ss -Htnp state established dst 10.61.0.1:7415');
    const pid = /pid=(\d+)/.exec(connected)?.[1];
    assert.ok(pid && (await processes(rows, 'web1')).includes(`${pid} ${AGENT_PATHS.program} `), connected);
    assert.match(listening, /nginx/);
    assert.ok(!listening.includes(`pid=${pid},`), listening);
  });

  test('2.5: hosts from a list, each with its own result: too full, refused by sudo, behind a bastion, and good ones', async () => {
    const { server } = rows;
    const full = await listing(rows, 'full1');
    const list = listFile(server, [
      'address,login,env',
      `${addressOfHost('bastion1')},root,dmz`,
      `${addressOfHost('full1')},root,lab`,
      `${addressOfHost('sudo1')},ops-wrong,lab`,
      `${addressOfHost('brokenapt1')},root,lab`,
    ]);
    const ran = await server.cli(server.operator, 'deploy', '--from', list, '--json');
    assert.equal(ran.code, 1, ran.stderr);
    const said = JSON.parse(ran.stdout) as { target: string; result: string; why: string | null }[];
    const of = (name: string): string => {
      const row = said.find(({ target }) => target === addressOfHost(name))!;
      return `${row.result}: ${row.why}`;
    };
    for (const good of ['bastion1', 'brokenapt1']) assert.equal(of(good), 'done: null', good);
    assert.match(of('full1'), /^failed: .*MB/);
    assert.match(of('sudo1'), /^failed: .*sudo/);
    assert.deepEqual(differences(full, await listing(rows, 'full1')), [], 'nothing was copied');
    for (const bad of ['full1', 'sudo1']) assert.equal((await server.host(bad)).management, 'unmanageable');
    for (const good of ['bastion1', 'brokenapt1']) await reports(rows, good);
    // An agent there could call nobody: only the bastion has a leg on both segments.
    const far = listFile(server, ['address,login', `${addressOfHost('hidden1')},inside`]);
    const through = await server.cli(server.operator, 'deploy', '--from', far, '--agentless', '--json');
    assert.equal(through.code, 0, through.stdout + through.stderr);
    const { id } = await server.host('hidden1');
    const { sections } = await until('facts through the bastion', 120, async () => {
      const facts = await server.operator.getHostFacts({ params: { id } });
      return facts.sections.os ? facts : null;
    });
    assert.equal(sections.os!.hostname, 'hidden1');
  });

  test('2.11: a login for one deployment is used, told on the trail, and kept nowhere', async () => {
    const { server } = rows;
    const { id } = await server.host('sudo1');
    const login = { kind: 'password' as const, username: 'ops', password: 'sudo1-ops', become: 'sudo' as const };
    const kept = (await server.operator.listCredentials()).items.map(({ name }) => name).sort();
    const done = await server.deployed((await server.operator.deployOnce({ body: { hostIds: [id], login } })).id);
    assert.deepEqual(
      done.hosts.map(({ state, why }) => [state, why]),
      [['done', null]],
    );
    await reports(rows, 'sudo1');
    assert.deepEqual((await server.operator.listCredentials()).items.map(({ name }) => name).sort(), kept);
    const uses = await until('the use on the trail', 60, async () => {
      const { items } = await server.operator.listTrail({ query: { subject: `host:${id}`, limit: 1000 } });
      const found = items.filter(({ entry }) => (entry as { type: string }).type === 'enrollment.credential.used');
      return found.length > 0 ? found : null;
    });
    assert.doesNotMatch(JSON.stringify(uses), /sudo1-ops/);
    const left = await sh(
      rows,
      'sudo1',
      'grep -rlF sudo1-ops /etc/lastember /opt/lastember /var/lib/lastember /root /tmp /run /var/log 2>/dev/null; true',
    );
    assert.equal(left, '');
  });

  test('2.9: taken off by our order nothing of it is left on a real Debian', async () => {
    const { server } = rows;
    const { id } = await server.host('bastion1');
    await server.operator.uninstallAgent({ params: { id }, body: { reason: 'the test wants it' } });
    assert.deepEqual(differences(rows.clean['bastion1']!, await listing(rows, 'bastion1')), []);
    assert.doesNotMatch(await processes(rows, 'bastion1'), /lastember/);
    assert.equal((await server.host('bastion1')).management, 'unmanaged');
  });

  test('2.1: a token whose time is over installs nothing', async () => {
    await until('the token to expire', 90, async () => Date.parse(expired.expiresAt) < Date.now());
    const before = await listing(rows, 'old1');
    const late = await paste(rows, 'old1', expired.line);
    assert.equal(late.code, 4, late.stderr);
    assert.match(late.stderr, /it was good until/);
    assert.deepEqual(differences(before, await listing(rows, 'old1')), []);
  });
}
