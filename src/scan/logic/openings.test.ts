import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROBES } from '../probes/registry.ts';
import { isPointless, openingsFor } from './openings.ts';

const names = (port: number): string[] => {
  const { suited, others } = openingsFor(port, PROBES);
  return [...suited, ...others].map(({ protocol }) => protocol);
};

test('the openings that suit a port come first, then what is likeliest', () => {
  assert.equal(names(6379)[0], 'redis');
  assert.equal(names(80)[0], 'http');
  assert.deepEqual(names(50_000).slice(0, 3), ['tls', 'http', 'redis']);
  assert.deepEqual(new Set(names(443)), new Set(names(80)), 'whatever the port suggests, the others follow');
});

test('machines and serial lines are never sent anything, and no port of a probe is one of theirs', () => {
  for (const port of [102, 502, 789, 1911, 2001, 2048, 2404, 4001, 4032, 7001, 7032, 10_001, 20_000, 44_818])
    assert.deepEqual(names(port), [], `port ${port}`);
  for (const { protocol, ports = [] } of PROBES)
    for (const port of ports) assert.ok(names(port).length > 0, `${protocol} at ${port}`);
});

test('a printer is never sent anything: it would print it', () => {
  for (const port of [515, 9100, 9107]) assert.deepEqual(names(port), []);
});

test('a port that hangs up on TLS and HTTP is asked for those alone whose servers do so', () => {
  const asked = (...hungUp: string[]): string[] => names(50_000).filter((one) => !isPointless(one, new Set(hungUp)));
  assert.deepEqual(asked('tls', 'http').toSorted(), ['ldap', 'mongodb', 'mqtt', 'postgresql', 'rpc']);
  assert.deepEqual(asked('http', 'redis'), asked('tls', 'http'), 'the same within TLS');
  assert.deepEqual(asked('tls', 'postgresql'), names(50_000), 'an API in the clear hangs up on those two as well');
});
