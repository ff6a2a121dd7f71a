import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawReply } from '../../platform/http/route.ts';
import {
  CVE,
  DEBIAN,
  debianHost,
  list,
  OLD,
  OPENSSH,
  sshd,
  takeFeed,
  worlds,
} from '../audit/testing/vulnerabilities.ts';
import { addException } from './exceptions.ts';
import { createImpact, type ImpactFace } from './index.ts';

const newWorld = worlds();
const OLGA = { kind: 'user', id: 'user_1', name: 'Olga', role: 'operator' } as const;

test('3.10, 4.6: a finding leaves with its time, until when it is accepted, why it was closed, and how urgent it is and why', async () => {
  let impact: ImpactFace | null = null;
  const w = await newWorld({ exceptionEnds: (ids) => impact!.exceptionEnds(ids) });
  impact = createImpact(w.platform, w.discovery, w.audit);
  w.platform.handle(impact.jobs);
  const hold = (more: object): Promise<unknown> =>
    w.call('setPolicies', {
      body: {
        profiles: [{ name: 'all', slaDays: { critical: 3, high: 7 }, ...more }],
        policies: [{ name: 'all', profile: 'all', hosts: '*' }],
      },
    });
  await takeFeed(w, DEBIAN, OPENSSH);
  const hosts = [await debianHost(w, 1, [sshd(OLD)]), await debianHost(w, 2, [sshd(OLD)])];
  await hold({});
  await w.settle();
  const expiresAt = new Date(w.clock.now.getTime() + 30 * 86_400_000).toISOString();
  const match = { hostId: hosts[0]!, kit: 'regresshion' };
  const { id } = await addException(w.platform, w.discovery, w.audit, OLGA, {
    match,
    reason: 'no way in',
    owner: 'web',
    expiresAt,
  });
  await w.settle();

  const file = async (format: string): Promise<string> => {
    const route = w.audit.routes.find((one) => one.id === 'exportFindings')!;
    const query = route.query!.parse({ format, kit: 'regresshion' });
    const { body } = (await route.handler({ query } as never)) as RawReply;
    let text = '';
    for await (const piece of body as AsyncIterable<string>) text += piece;
    return text;
  };
  const lines = async () =>
    (await file('jsonl'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const [known] = (await list(w, { text: CVE })).items;
  assert.ok(known!.priority > 0 && known!.factors.length > 5);
  const told = await lines();
  assert.equal(told.length, 2);
  for (const one of told) {
    const isExcepted = one['hostId'] === hosts[0];
    assert.deepEqual(
      [one['state'], one['exceptedUntil'], one['exceptionId']],
      isExcepted ? ['excepted', expiresAt, id] : ['open', null, null],
    );
    const days = (Date.parse(one['dueAt'] as string) - Date.parse(one['openedAt'] as string)) / 86_400_000;
    assert.equal(days, { critical: 3, high: 7 }[one['severity'] as 'high']);
    assert.deepEqual([one['priority'], one['factors']], [known!.priority, known!.factors]);
  }

  const [head, ...rows] = (await file('csv')).trimEnd().split('\r\n');
  const columns = head!.split(',');
  for (const name of ['dueAt', 'exceptedUntil', 'closeReason', 'priority', 'factors'])
    assert.ok(columns.includes(name), name);
  const row = rows.find((one) => one.includes(hosts[0]!))!;
  for (const part of [expiresAt, `,${known!.priority},`, `severity ×8: feeds say high; exploited ×1`])
    assert.ok(row.includes(part), part);

  const sarif = async () =>
    (
      JSON.parse(await file('sarif')) as {
        runs: { results: { suppressions?: { justification: string }[]; properties: Record<string, unknown> }[] }[];
      }
    ).runs[0]!.results;
  const accepted = (await sarif()).find(({ suppressions }) => suppressions !== undefined)!;
  assert.equal(accepted.suppressions![0]!.justification, `Exception ${id} until ${expiresAt}`);
  const { dueAt, exceptedUntil, priority, factors } = accepted.properties;
  assert.deepEqual([exceptedUntil, priority, factors], [expiresAt, known!.priority, known!.factors]);
  assert.equal(typeof dueAt, 'string');

  // What a policy takes away says so, and its time is over.
  await hold({ exclude: ['regresshion'] });
  w.later(5);
  await w.platform.queue.enqueue('audit.sweep', {});
  await w.settle();
  const closed = (await lines()).filter(({ state }) => state === 'not-applicable');
  assert.equal(closed.length, 2);
  for (const one of closed) {
    assert.match(one['closeReason'] as string, /\w/);
    assert.deepEqual([one['dueAt'], one['exceptedUntil']], [null, null]);
  }
  assert.ok((await file('csv')).includes(closed[0]!['closeReason'] as string));
  assert.equal((await sarif())[0]!.properties['closeReason'], closed[0]!['closeReason']);
});
