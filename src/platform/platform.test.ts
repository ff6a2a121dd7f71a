import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor } from '../model/actor.ts';
import { isAppError } from '../model/errors/index.ts';
import { loadConfig } from './config/index.ts';
import { createPlatform } from './index.ts';
import { createLog } from './log/index.ts';
import { listEntries } from './ledger/index.ts';

const actor = systemActor('platform test');
const subject = { kind: 'system', id: 'test' } as const;

async function until(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `waited ${ms} ms for ${what}`);
    await sleep(20);
  }
}

/** As `lastember up` has it: everything in one process on an embedded PostgreSQL with full fsync. */
test('embedded, all in one: works, survives SIGKILL of PostgreSQL in every part, and comes back with its data', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'lastember-platform-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const config = loadConfig({ LASTEMBER_DATA_DIR: dataDir });
  const platform = await createPlatform(config, createLog('silent'));
  const ran: string[] = [];
  const heard: string[] = [];
  await platform.startWorkers({ 'audit.host': async ({ hostId }) => void ran.push(hostId) }, []);
  platform.events.subscribe('hosts', (event) => heard.push(event.payload['hostId']!));
  const touch = (hostId: string): Promise<string> =>
    platform.act(actor, { type: 'a.touched', subject }, async (tx) => {
      await tx.enqueue('audit.host', { hostId });
      await tx.publish('hosts', { hostId });
      return platform.vault.put(tx, `secret of ${hostId}`);
    });
  const secret = await touch('h1');
  await until(() => ran.includes('h1') && heard.includes('h1'), 'the first job and event');

  process.kill((await platform.embeddedPid())!, 'SIGKILL');
  for (let attempt = 0; ; attempt++) {
    try {
      await touch('h2');
      break;
    } catch (error) {
      // Cut off in the middle of a transaction: told so, to be tried again; nothing of it was kept.
      assert.ok(isAppError(error, 'DATABASE_UNAVAILABLE') && attempt < 20, String(error));
    }
  }
  await until(() => ran.includes('h2'), 'the job after the crash');
  await until(() => {
    void platform.events.publish('hosts', { hostId: 'h3' }).catch(() => undefined);
    return heard.includes('h3');
  }, 'events after the crash');
  await platform.close();

  const again = await createPlatform(config, createLog('silent'));
  assert.equal(await again.vault.use(secret, async (text) => text), 'secret of h1');
  assert.equal((await listEntries(again.db)).length, 2);
  assert.deepEqual(await again.approverKeys(), []);
  await again.close();
});
