/** Who may have an agent put where: rules, approvals, windows, and what happens when one vanishes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, DeployRuleInput } from '../../../src/model/deployment.ts';
import { AGENT_PATHS } from '../../../src/model/agent-paths.ts';
import { until } from '../../demo/run/wait.ts';
import { addressOfHost } from '../testing/served.ts';
import { reports, sh, type Rows } from './context.ts';

const AGENT = AGENT_PATHS.program;
const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

type Rule = Pick<DeployRuleInput, 'name' | 'where'> & Partial<DeployRuleInput>;

const results = ({ hosts }: Deployment): unknown[] => hosts.map(({ state, why }) => [state, why]);

export function governance(rows: Rows): void {
  let window = { notBefore: '', notAfter: '' };
  let waiting = '';
  const addRule = async (rule: Rule) =>
    rows.server.operator.addDeployRule({ body: { notAfter: inSeconds(86_400), ...rule } });
  const asks = (rule: string): Promise<Deployment> =>
    until(`a deployment by the rule ${rule}`, 180, async () => {
      const { items } = await rows.server.operator.listDeployments();
      return items.find((one) => one.rule === rule);
    });
  const uses = async (hostId: string): Promise<number> => {
    const { items } = await rows.server.operator.listTrail({ query: { subject: `host:${hostId}`, limit: 1000 } });
    return items.filter(({ entry }) => (entry as { type: string }).type === 'enrollment.credential.used').length;
  };

  test('2.7, 2.9: a deployment waits for its approval and window; an agent that somebody takes off alarms', async () => {
    const { server } = rows;
    // Its time is looked for once a minute: the rest goes on meanwhile.
    const { id } = await server.host('old1');
    window = { notBefore: inSeconds(30), notAfter: inSeconds(3600) };
    const asked = await server.operator.createDeployment({ body: { hostIds: [id], ask: true, ...window } });
    assert.deepEqual([asked.state, asked.approvalsRequired], ['awaiting-approval', 1]);
    await server.approve('deployment', 'approve', asked.id);
    waiting = asked.id;
    const gone = (await server.host('web1')).agentId!;
    await sh(rows, 'web1', `${AGENT} uninstall`);
    const lost = await until('web1 to be lost', 60, async () => {
      const host = await server.host('web1');
      return host.management === 'lost' ? host : null;
    });
    assert.match(lost.note!, /by no order of ours/);
    const { items } = await server.operator.listAgents();
    assert.notEqual(items.find(({ id }) => id === gone)?.state, 'active');
  });

  test('1.13: each host is in the state that it is in', async () => {
    const names = ['brokenapt1', 'web2', 'hidden1', 'web1', 'full1'];
    const states = names.map(async (name) => `${name} ${(await rows.server.host(name)).management}`);
    assert.deepEqual(await Promise.all(states), [
      'brokenapt1 managed',
      'web2 managed',
      'hidden1 managed',
      'web1 lost',
      'full1 unmanageable',
    ]);
  });

  test('2.3, 2.4: rules find a server that is new and one whose agent vanished; both are managed once somebody signed', async () => {
    const { server, lab } = rows;
    const segment = await addRule({ name: 'segment', where: [addressOfHost('drop1')], within: 1 });
    const back = await addRule({ name: 'back', where: [addressOfHost('web1')], standing: true, redeploy: true });
    assert.deepEqual([segment.state, back.state], ['in-force', 'awaiting-approval']);
    assert.equal(await server.hostIfAny('drop1'), undefined);
    await lab.lab('up', '--only', 'drop1');
    await server.scan('lab');
    // What a rule that is signed now asks for, it asks for at once; the others are looked at with it.
    await server.approve('deploy-rule', 'approve', 'back');
    const [fresh, again] = [await asks(segment.id), await asks(back.id)];
    const { id } = await server.host('drop1');
    assert.deepEqual([fresh.state, fresh.hosts.map(({ hostId }) => hostId)], ['awaiting-approval', [id]]);
    assert.equal(await uses(id), 0, 'nobody logged in before somebody signed');
    await server.approve('deployment', 'approve', fresh.id);
    for (const one of [fresh, again]) assert.deepEqual(results(await server.deployed(one.id)), [['done', null]]);
    for (const name of ['drop1', 'web1']) await reports(rows, name);
    assert.equal((await server.host('drop1')).management, 'managed');
    assert.equal((await server.host('web1')).management, 'managed');
  });

  test('2.12: how long it took from discovered to managed is measured, per segment, against what was promised', async () => {
    const { items } = await rows.server.operator.getCoverage();
    const segment = items.find(({ kind, name }) => kind === 'rule' && name === 'segment')!;
    assert.deepEqual([segment.hosts, segment.managed, segment.kept, segment.overdue], [1, 1, 1, []]);
    const { firstSeen } = await rows.server.host('drop1');
    // It is told to the hundredth of an hour.
    const most = (Date.now() - Date.parse(firstSeen)) / 3_600_000 + 0.005;
    assert.ok(segment.median! >= 0 && segment.median! <= most, `${segment.median} of at most ${most} hours`);
    const scope = items.find(({ kind, name }) => kind === 'scope' && name === 'lab')!;
    assert.ok(scope.managed >= 3 && scope.unmanageable >= 1, JSON.stringify(scope));
  });

  test('2.7: it began in its window and after the approval, not before', async () => {
    const { server } = rows;
    const done = await server.deployed(waiting);
    assert.deepEqual(results(done), [['done', null]]);
    const { items } = await server.operator.listTrail({ query: { subject: `deployment:${waiting}`, limit: 100 } });
    const at = (type: string): number =>
      items
        .map(({ entry }) => entry as { type: string; at: string })
        .filter((entry) => entry.type === `enrollment.deployment.${type}`)
        .map((entry) => Date.parse(entry.at))[0]!;
    assert.ok(at('started') >= Date.parse(window.notBefore) && at('started') > at('approved'), JSON.stringify(items));
    await reports(rows, 'old1');
  });
}
