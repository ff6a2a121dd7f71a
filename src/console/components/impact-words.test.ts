import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Impact, RestartImpact } from '../../model/impact.ts';
import { byService, compareImpact, impactInWords } from './impact-words.ts';

const restart = (hostName: string, service: string, used = false): RestartImpact => ({
  hostId: `host_${hostName}`,
  hostName,
  service,
  reason: 'the plan restarts it',
  clients: used ? [{ hostId: 'host_app', hostName: 'app', unit: null, connections: 2, distance: 1 }] : [],
});

const impact = (more: Partial<Impact> = {}): Impact => ({
  hosts: ['host_web'],
  packages: [{ hostId: 'host_web', name: 'openssl', from: '1', to: '2' }],
  files: [],
  restarts: [restart('web', 'nginx.service')],
  affectedHosts: [],
  summary: '',
  ...more,
});

test('one is singular, and what happened is told as past', () => {
  assert.equal(impactInWords(impact(), 'future'), '1 package changes on 1 host; 1 service restarts.');
  assert.equal(impactInWords(impact(), 'past'), '1 package changed on 1 host; 1 service restarted.');
  const nothing = impact({ packages: [], restarts: [], hosts: ['a', 'b'] });
  assert.equal(impactInWords(nothing, 'future'), 'Nothing is installed or written on 2 hosts; no service restarts.');
  assert.equal(impactInWords(nothing, 'past'), 'Nothing was installed or written on 2 hosts; no service restarted.');
});

test('restarts are grouped by service; those that somebody uses come first and are apart', () => {
  const groups = byService([
    restart('a', 'cron.service'),
    restart('a', 'nginx.service'),
    restart('b', 'nginx.service', true),
  ]);
  assert.deepEqual(
    groups.map(({ service, used, unused }) => [service, used.length, unused.length]),
    [
      ['nginx.service', 1, 1],
      ['cron.service', 0, 1],
    ],
  );
});

test('as predicted: only the counts; otherwise what was missing and what was more, by name', () => {
  const nameOf = (id: string): string => id.replace('host_', '');
  assert.deepEqual(compareImpact(impact(), impact(), nameOf), {
    counts: '1 of 1 restart, 1 of 1 package',
    differences: [],
  });
  const other = impact({ restarts: [], packages: [{ hostId: 'host_web', name: 'openssl', from: '1', to: '3' }] });
  assert.deepEqual(compareImpact(impact(), other, nameOf).differences, [
    'Predicted, but did not happen: restart of nginx.service on web',
    'Predicted, but did not happen: openssl 1 → 2 on web',
    'Happened, but was not predicted: openssl 1 → 3 on web',
  ]);
});
