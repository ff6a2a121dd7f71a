import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Impact, RestartImpact } from '../../../model/impact.ts';
import { planTasks } from './planner.ts';
import { hostOf, inputOf, NO_IMPACT } from './testing.ts';
import { wavesOf } from './waves.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `web-${String(n).padStart(3, '0')}`);

function waves(of: string[], more: { roles?: Record<string, string>; impact?: Impact } = {}) {
  const hosts = of.map((name) => ({
    ...hostOf({ name }),
    ...(more.roles?.[name] ? { role: more.roles[name] } : {}),
  }));
  const { tasks } = planTasks({ ...inputOf([]), hosts });
  return wavesOf(tasks, hosts, more.impact ?? NO_IMPACT);
}
const hostsOf = (all: ReturnType<typeof waves>): string[][] =>
  all.map((wave) => wave.tasks.map((task) => task.hostName));

/** Somebody uses each of these for the same thing. */
function alternatives(of: string[]): Impact {
  const restarts = of.map((name): RestartImpact => ({
    hostId: `host_${name}`,
    hostName: name,
    service: 's',
    reason: '',
    clients: [],
    alternatives: of.filter((other) => other !== name).map((other) => ({ hostId: `host_${other}`, hostName: other })),
  }));
  return { ...NO_IMPACT, restarts };
}

test('a canary, and one wave for up to ten that remain', () => {
  const planned = waves(names(11));
  assert.deepEqual(
    planned.map(({ name, canary, tasks }) => [name, canary, tasks.length]),
    [
      ['canary', true, 1],
      ['rest', false, 10],
    ],
  );
});

test('a large estate goes in waves that grow, and none has more than a quarter of it', () => {
  const planned = waves(names(200));
  assert.deepEqual(
    planned.map((wave) => wave.tasks.length),
    [1, 10, 20, 40, 50, 50, 29],
  );
  assert.deepEqual(
    planned.map((wave) => wave.name),
    ['canary', 'rest 1', 'rest 2', 'rest 3', 'rest 4', 'rest 5', 'rest 6'],
  );
  assert.equal(new Set(hostsOf(planned).flat()).size, 200, 'each host once');
});

test('hosts that stand in for each other are never in one wave: by their role, or by who uses them', () => {
  const [a, b, c, d] = names(4) as [string, string, string, string];
  const byRole = hostsOf(waves([a, b, c, d], { roles: { [b]: 'shop', [c]: 'shop' } }));
  assert.deepEqual(byRole, [[a], [b, d], [c]]);
  const byUse = hostsOf(waves([a, b, c, d], { impact: alternatives([b, d]) }));
  assert.deepEqual(byUse, [[a], [b, c], [d]]);
});

test('of many that stand in for each other, three quarters carry on', () => {
  const farm = names(40);
  const planned = hostsOf(waves(farm, { impact: alternatives(farm) }));
  assert.deepEqual(
    planned.map((wave) => wave.length),
    [1, 10, 10, 10, 9],
  );
});
