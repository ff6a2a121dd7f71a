import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setUpEstate } from '../../lab/demo/run/setup.ts';
import { scanScope } from '../../lab/demo/run/steps/discover.ts';
import { deploy } from '../../lab/demo/run/steps/enroll.ts';
import { until } from '../../lab/demo/run/wait.ts';
import { ApiError } from '../../src/client/client.ts';
import type { Finding } from '../../src/model/finding.ts';
import { hostNamed, sequenced, skip, startLab, type Lab } from './harness.ts';

let lab: Lab;
before(async () => {
  if (skip) return;
  lab = await startLab({ net: 103, only: ['files', 'wiki'] });
  await setUpEstate(lab);
  await scanScope(lab);
});
after(() => lab?.close());

const factsOf = (id: string) => lab.people.operator.getHostFacts({ params: { id } });

/** What burns inside the host, as somebody would list it. */
async function burning(hostId: string): Promise<string[]> {
  const { items } = await lab.people.operator.listFindings({ query: { host: hostId, kit: 'linux-baseline' } });
  return items.filter(({ state }) => state === 'open').map((each: Finding) => `${each.check} ${each.component}`);
}

test(
  '1.3, 2.8: a host is looked at over SSH without an agent, and what burns there is what its agent would say',
  { skip },
  async () => {
    const host = await hostNamed(lab, 'files');
    const done = await deploy(lab, [host.id], { agentless: true });
    assert.deepEqual(
      done.hosts.map(({ state, credential }) => [state, credential]),
      [['done', 'ops-key']],
    );
    const seen = await until('facts over SSH', 30, async () => {
      const facts = await factsOf(host.id);
      return facts.sections.packages && facts.sections.sockets ? facts : null;
    });
    assert.ok(seen.sections.processes!.length > 0 && seen.sections.sockets!.length > 0);
    const now = await lab.people.operator.getHost({ params: { id: host.id } });
    assert.deepEqual([now.host.management, now.host.agentId], ['managed', null]);
    const bySsh = await until('findings', 30, async () => {
      const list = await burning(host.id);
      return list.length > 0 ? list : null;
    });
    assert.equal((await lab.people.operator.listAccess()).items[0]!.failures, 0);

    await deploy(lab, [host.id]);
    assert.deepEqual((await lab.people.operator.listAccess()).items, [], 'its agent looks from now on');
    const byAgent = await until('facts of the agent', 30, async () => {
      const facts = await factsOf(host.id);
      const newer = (name: 'settings' | 'processes'): boolean =>
        (facts.meta[name]?.receivedAt ?? '') > (seen.meta[name]?.receivedAt ?? '');
      return newer('settings') && newer('processes') ? facts : null;
    });
    for (const name of ['packages', 'settings', 'certificates'] as const)
      assert.deepEqual(seen.sections[name], byAgent.sections[name], name);
    // All but what the agent itself brought along.
    const rest = <T>(items: T[], name: (item: T) => string): T[] =>
      items.filter((item) => !name(item).includes('lastember'));
    assert.deepEqual(
      seen.sections.files,
      rest(byAgent.sections.files!, ({ path }) => path),
    );
    const states = (facts: typeof seen): string[] =>
      rest(facts.sections.services!, ({ name }) => name).map(({ name, state }) => `${name} ${state}`);
    assert.deepEqual(states(seen), states(byAgent));
    assert.deepEqual(await burning(host.id), bySsh);
  },
);

test('a host that cannot be looked at any more keeps its facts, says why, and comes back', { skip }, async () => {
  const host = await hostNamed(lab, 'wiki');
  await deploy(lab, [host.id], { agentless: true });
  const before = await until('facts over SSH', 30, async () => {
    const facts = await factsOf(host.id);
    return facts.sections.packages ? facts : null;
  });
  await assert.rejects(
    lab.people.operator.removeCredential({ params: { name: 'ops-key' } }),
    (error) => error instanceof ApiError && error.code === 'CREDENTIAL_IN_USE',
  );
  const look = async (): Promise<void> => void (await lab.people.operator.startAudit({ body: { hostIds: [host.id] } }));
  // A login that is good no more, as when somebody tidied up on the host.
  await lab.sql(`update enrollment.credential set username = 'nobody-here' where name = 'ops-key'`);
  await until(
    'the look to fail three times',
    60,
    async () => {
      const [access] = (await lab.people.operator.listAccess()).items;
      if (access!.failures < 3) await look();
      return access!.failures >= 3 && access;
    },
    500,
  );
  const lost = await lab.people.operator.getHost({ params: { id: host.id } });
  assert.equal(lost.host.management, 'lost');
  assert.match(lost.host.note ?? '', /refused with every credential tried/);
  assert.deepEqual((await factsOf(host.id)).sections.packages, before.sections.packages);
  await lab.sql(`update enrollment.credential set username = 'ops' where name = 'ops-key'`);
  await until(
    'it to come back',
    60,
    async () => {
      const { host: now } = await lab.people.operator.getHost({ params: { id: host.id } });
      if (now.management !== 'managed') await look();
      return now.management === 'managed';
    },
    500,
  );
  await sequenced(lab);
  const { items } = await lab.people.operator.listTrail({ query: { subject: `host:${host.id}`, limit: 1000 } });
  const types = items.map(({ entry }) => (entry as { type: string }).type);
  for (const type of ['granted', 'lost', 'back']) assert.ok(types.includes(`enrollment.access.${type}`), type);
});
