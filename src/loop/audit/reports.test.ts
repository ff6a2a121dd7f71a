import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Facts } from '../../model/facts.ts';
import type { HostCompliance } from '../../model/compliance.ts';
import type { Finding } from '../../model/finding.ts';
import { type World, world } from './testing/world.ts';

const open: World[] = [];
after(() => Promise.all(open.map((one) => one.close())));

type Rule = Facts['reports']['rules'][number];
const rule = (name: string, result: Rule['result'], severity: Rule['severity'] = 'high'): Rule => ({
  tool: 'oscap',
  rule: name,
  title: `Title of ${name}`,
  severity,
  result,
  path: '/var/log/openscap/results.xml',
});

const facts = (...rules: Rule[]): Pick<Facts, 'reports'> => ({
  reports: {
    reports: [
      {
        tool: 'oscap',
        path: '/var/log/openscap/results.xml',
        content: 'DEBIAN-12 0.1.79',
        profile: 'cis',
        endedAt: '2026-11-20T00:00:00.000Z',
        fits: rules.some(({ result }) => result !== 'not-applicable'),
      },
    ],
    rules,
    unread: [],
  },
});

test('a failed rule is a finding with the life of any other: proven fixed, rekindled, and never closed by silence', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.9.0.1', 'SHA256:r');
  const tell = async (...rules: Rule[]): Promise<Record<string, Finding['state']>> => {
    w.later();
    await w.send(id, facts(...rules));
    await w.settle();
    const all = await w.audit.findings({ hostId: id, kit: 'oscap' });
    return Object.fromEntries(all.map((one) => [`${one.check} ${one.component}`, one.state]));
  };
  assert.deepEqual(await tell(rule('a', 'fail'), rule('b', 'pass'), rule('c', 'unknown'), rule('d', 'fail', 'low')), {
    'oscap-high a': 'open',
    'oscap-low d': 'open',
  });
  const [finding] = await w.audit.findings({ hostId: id, check: 'oscap-high' });
  assert.equal(finding!.evidence['rule'], 'Title of a');
  // Not looked at, no longer named, no results at all: nothing is mended by that.
  for (const rules of [[rule('a', 'unknown'), rule('d', 'fail', 'low')], [rule('b', 'pass')], []])
    assert.equal((await tell(...rules))['oscap-high a'], 'open', JSON.stringify(rules));
  assert.deepEqual(await tell(rule('a', 'pass'), rule('d', 'not-applicable', 'low')), {
    'oscap-high a': 'fixed',
    'oscap-low d': 'fixed',
    // No rule of the empty results before was about this system.
    'content-fits /var/log/openscap/results.xml': 'fixed',
  });
  assert.equal((await tell(rule('a', 'fail')))['oscap-high a'], 'rekindled');
});

test('a host on which no such tool ever looked is judged by none of its rules', async () => {
  const w = await world();
  open.push(w);
  const id = await w.find('10.9.0.2', 'SHA256:s');
  await w.send(id, { reports: { reports: [], rules: [], unread: [] } });
  await w.settle();
  const { items } = await w.call<HostCompliance>('getHostCompliance', { params: { id } });
  const told = items.filter(({ kit }) => kit === 'oscap' || kit === 'lynis');
  assert.deepEqual([...new Set(told.map(({ verdict }) => verdict))], ['not-applicable']);
});
