import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../model/trail.ts';
import { describeEntry as describe } from './entry.ts';

const entry = (over: Partial<Entry>): Entry => ({
  v: 1,
  id: 'entry_1',
  at: '2026-01-01T00:00:00.000Z',
  actor: { kind: 'user', id: 'user_1', name: 'mara' },
  type: 'enrollment.deployment.started',
  subject: { kind: 'deployment', id: 'dep_1' },
  related: [],
  reason: null,
  detail: {},
  ...over,
});

const described = (one: Entry): string => describe(one, (id) => (id === 'host_files' ? 'files' : undefined));

test('what has no name of its own goes by the names of what it was for, never by its id', () => {
  const hosts = ['pay', 'shop', 'wiki'].map((name) => ({ kind: 'host' as const, id: `host_${name}`, name }));
  assert.equal(described(entry({ related: hosts })), 'Deployment started: pay and 2 more, by mara');
  assert.equal(described(entry({ related: hosts.slice(0, 1) })), 'Deployment started: pay, by mara');
  assert.equal(described(entry({})), 'Deployment started, by mara');
});

test('a token made for a host is named by that host', () => {
  const related = [
    { kind: 'kit' as const, id: 'heartbleed', name: 'Heartbleed' },
    { kind: 'host' as const, id: 'host_1', name: 'pay' },
  ];
  const subject = { kind: 'token' as const, id: 'host_1' };
  assert.match(described(entry({ type: 'enrollment.token.made', subject, related })), /: pay, by mara$/);
});

test('who did it is left out where it is said already', () => {
  const mara = { kind: 'user' as const, id: 'user_1', name: 'mara' };
  assert.equal(described(entry({ type: 'auth.session.opened', subject: mara })), 'Signed in: mara');
});

test('a host that stands there by its id alone is looked up', () => {
  const lost = entry({
    type: 'enrollment.agent.lost',
    actor: { kind: 'system', id: 'system', name: 'enrollment.lost-agents' },
    subject: { kind: 'agent', id: 'agent_1' },
    related: [{ kind: 'host', id: 'host_files' }],
  });
  assert.equal(described(lost), 'Agent fell silent: files');
});
