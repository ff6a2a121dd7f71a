import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Tx } from '../../platform/context.ts';
import { accept } from './store-accepted.ts';
import { followTerms, noteTerms, putDue } from './store-due.ts';
import { lockCounts } from './store-recount.ts';
import { CVE, DEBIAN, debianHost, list, OLD, OPENSSH, sshd, takeFeed, worlds } from './testing/vulnerabilities.ts';
import type { World } from './testing/world.ts';

const newWorld = worlds();
const ACTOR = systemActor('test');

/** A transaction that is open until `end` is called; what it did is done by then. */
async function opened(w: World, work: (tx: Tx) => Promise<unknown>): Promise<{ end: () => Promise<void> }> {
  const [ended, worked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done = w.platform.observe(ACTOR, async (tx) => {
    await work(tx);
    worked.resolve();
    await ended.promise;
  });
  await Promise.race([worked.promise, done]);
  return { end: () => (ended.resolve(), done) };
}

/** Until one more waits for a lock than before, or it is over. */
async function waits(w: World, one: Promise<unknown>): Promise<void> {
  let isOver = false;
  void one.finally(() => (isOver = true));
  for (let tries = 0; tries < 100 && !isOver; tries += 1) {
    const { rows } = await sql`select from pg_locks where not granted`.execute(w.platform.db);
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const days = async (w: World): Promise<number | null> => {
  const { dueAt } = (await list(w)).items[0]!;
  return dueAt === null ? null : (Date.parse(dueAt) - w.clock.now.getTime()) / 86_400_000;
};

async function affected(): Promise<{ w: World; host: string }> {
  const w = await newWorld();
  await takeFeed(w, DEBIAN, OPENSSH);
  const host = await debianHost(w, 1, [sshd(OLD)]);
  await w.settle();
  return { w, host };
}

test('3.10: days that are written while those of before are followed count all the same', async () => {
  const { w, host } = await affected();
  await w.platform.observe(ACTOR, (tx) => noteTerms(tx, host, { high: 30 }));
  const writing = await opened(w, (tx) => noteTerms(tx, host, { high: 7 }));
  const following = followTerms(w.platform);
  await waits(w, following);
  await writing.end();
  await following;
  await w.settle();
  assert.equal(await days(w), 7);
});

async function acceptEverywhere(w: World, tx: Tx): Promise<void> {
  await tx.record({ type: 'impact.exception.added', subject: { kind: 'exception', id: 'exception_1' }, detail: {} });
  const until = new Date(w.clock.now.getTime() + 86_400_000);
  const words = { reason: null, control: null, at: null };
  await accept(tx, { exceptionId: 'exception_1', advisory: CVE, hosts: null, until, ...words });
}

test('3.10: an exception that is made while hosts are counted stops the clock all the same', async () => {
  const { w, host } = await affected();
  await w.platform.observe(ACTOR, (tx) => noteTerms(tx, host, { high: 7 }));
  await w.settle();
  const accepting = await opened(w, (tx) => acceptEverywhere(w, tx));
  // As `recount` does, with news of its own; it does not see the exception, and writes after it.
  const counting = w.platform.observe(ACTOR, async (tx) => {
    await lockCounts(tx.db);
    await sql`update audit.host_term set days = 3`.execute(tx.db);
    await putDue(tx.db, [CVE]);
  });
  await waits(w, counting);
  await accepting.end();
  await counting;
  await w.settle();
  assert.equal(await days(w), null);
});

test('3.10: an exception that is made while somebody counts waits for nobody, and stops the clock once that is over', async () => {
  const { w, host } = await affected();
  await w.platform.observe(ACTOR, (tx) => noteTerms(tx, host, { high: 7 }));
  await w.settle();
  const counting = await opened(w, async (tx) => {
    await lockCounts(tx.db);
    await sql`update audit.vulnerability set hosts = hosts`.execute(tx.db);
  });
  const accepting = w.platform.observe(ACTOR, async (tx) => {
    await sql`set local lock_timeout = '2s'`.execute(tx.db);
    await acceptEverywhere(w, tx);
  });
  await accepting.finally(counting.end);
  await w.settle();
  assert.equal(await days(w), null);
});
