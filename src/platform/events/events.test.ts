import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor } from '../../model/actor.ts';
import type { Topic } from '../context.ts';
import { withClient } from '../db/index.ts';
import { createPlatform } from '../index.ts';
import { createLog } from '../log/index.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';

const actor = systemActor('events test');
type Event = { topic: Topic; payload: Record<string, string> };
let p: TestPlatform;
before(async () => {
  p = await testPlatform();
});
after(() => p.close());

async function until(condition: () => boolean, ms = 5000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'waited too long');
    await sleep(10);
  }
}

test('every replica hears an event once, after commit only; topics filter; unsubscribing ends it', async () => {
  const other = await createPlatform(p.config, createLog('silent'));
  const here: Event[] = [];
  const there: Event[] = [];
  const hosts: Event[] = [];
  const off = p.events.subscribe('*', (event) => here.push(event));
  other.events.subscribe('*', (event) => there.push(event));
  p.events.subscribe('hosts', (event) => hosts.push(event));
  await p.observe(actor, async (tx) => {
    await tx.publish('hosts', { hostId: 'h1' });
    await sleep(100);
    assert.equal(here.length, 0, 'nothing is announced before it is stored');
  });
  await assert.rejects(
    p.observe(actor, async (tx) => {
      await tx.publish('hosts', { hostId: 'never' });
      throw new Error('changed my mind');
    }),
    /changed my mind/,
  );
  await p.events.publish('changes', { changeId: 'c1' });
  await until(() => here.length === 2 && there.length === 2);
  assert.deepEqual(here, [
    { topic: 'hosts', payload: { hostId: 'h1' } },
    { topic: 'changes', payload: { changeId: 'c1' } },
  ]);
  assert.deepEqual(there, here);
  assert.equal(hosts.length, 1);
  off();
  await p.events.publish('trail', { size: '1' });
  await until(() => there.length === 3);
  assert.equal(here.length, 2);
  await other.close();
});

test('a broken connection comes back by itself, and a throwing listener harms nobody', async () => {
  const heard: Event[] = [];
  p.events.subscribe('agents', () => {
    throw new Error('a bad listener');
  });
  p.events.subscribe('agents', (event) => heard.push(event));
  await withClient(p.urls.root, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lastember-events' and datname = current_database()`,
    ),
  );
  const deadline = Date.now() + 5000;
  while (heard.length === 0 && Date.now() < deadline) {
    await p.events.publish('agents', { agentId: 'a1' });
    await sleep(50);
  }
  assert.ok(heard.length > 0);
});
