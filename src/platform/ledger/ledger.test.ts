import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { systemActor } from '../../model/actor.ts';
import { isAppError } from '../../model/errors/index.ts';
import type { EntryDraft } from '../context.ts';
import { testPlatform, type TestPlatform } from '../testing.ts';
import { canonicalBytes, leafHash } from './canonical.ts';
import { countUnsequenced, entriesAfter, entryById, listEntries, markSequenced, readUnsequenced } from './index.ts';

const actor = systemActor('ledger test');
let p: TestPlatform;
before(async () => {
  p = await testPlatform();
});
after(() => p.close());

const record = (draft: EntryDraft): Promise<string> => p.observe(actor, (tx) => tx.record(draft));

test('RFC 8785: sorted by UTF-16 units, shortest numbers, no spaces (the example of its appendix)', () => {
  const value = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  };
  const text =
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}';
  assert.equal(canonicalBytes(value).toString('utf8'), text);
});

test('canonical bytes do not depend on the order of members and mean the same value', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const shuffled = Object.fromEntries(Object.entries(value).toReversed());
      const bytes = canonicalBytes(value);
      assert.deepEqual(canonicalBytes(shuffled), bytes);
      assert.deepEqual(JSON.parse(bytes.toString('utf8')), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('what hosts say is recorded, whatever it is made of', async () => {
  const id = await record({
    type: 'discovery.host.found',
    subject: { kind: 'host', id: 'h1', name: 'cut \ud83d' },
    related: [{ kind: 'host', id: 'h\0' }],
    detail: { why: ['a\0b', 'half \ud83d', 'whole \u{1F525}'] },
  });
  const { entry } = (await entryById(p.db, id))!;
  assert.equal(entry.subject.name, 'cut \uFFFD');
  assert.deepEqual(entry.detail, { why: ['a\uFFFDb', 'half \uFFFD', 'whole \u{1F525}'] });
});

test('what is stored is the canonical entry and its RFC 6962 leaf hash', async () => {
  const id = await record({
    type: 'discovery.host.found',
    subject: { kind: 'host', id: 'h1', name: 'shop-1' },
    related: [{ kind: 'scan', id: 's1' }],
    reason: 'looked',
    detail: { z: 1, a: ['ü', null] },
  });
  const stored = await entryById(p.db, id);
  assert.ok(stored);
  assert.deepEqual(stored.bytes, canonicalBytes(stored.entry));
  assert.deepEqual(
    stored.leafHash,
    createHash('sha256')
      .update(Buffer.concat([Buffer.of(0), stored.bytes]))
      .digest(),
  );
  assert.deepEqual(stored.leafHash, leafHash(stored.bytes));
  assert.equal(stored.entry.reason, 'looked');
  assert.equal(stored.entry.id, id);
  assert.deepEqual(stored.entry.actor, actor);
});

test('an entry that does not fit is refused before anything is written', async () => {
  await assert.rejects(record({ type: 'Not A Type', subject: { kind: 'host', id: 'x' } }), (e) =>
    isAppError(e, 'ENTRY_INVALID'),
  );
  await assert.rejects(
    record({ type: 'a.b', subject: { kind: 'planet' as 'host', id: 'x' } }),
    (e) => isAppError(e, 'ENTRY_INVALID') && /subject\.kind/.test((e as Error).message),
  );
});

test('entries are found by subject, by everything about a thing, by type, actor and time, in both orders', async () => {
  const host = { kind: 'host', id: 'find-me' } as const;
  const change = { kind: 'change', id: 'c-find' } as const;
  const ids = [
    await record({ type: 'discovery.host.claimed', subject: host }),
    await record({ type: 'change.plan.made', subject: change, related: [host] }),
    await record({ type: 'change.plan.approved', subject: change, related: [{ kind: 'agent', id: 'find-me' }] }),
  ];
  const found = async (filter: Parameters<typeof listEntries>[1]) => (await listEntries(p.db, filter)).map((e) => e.id);
  assert.deepEqual(await found({ subject: host }), [ids[0]]);
  assert.deepEqual(await found({ about: host }), [ids[0], ids[1]], 'not the agent with the same id');
  assert.deepEqual(await found({ about: host, order: 'newest', limit: 1 }), [ids[1]]);
  assert.deepEqual(await found({ subject: change, types: ['change.plan.made'] }), [ids[1]]);
  assert.deepEqual(await found({ subject: change, types: ['change.'] }), [ids[1], ids[2]]);
  assert.deepEqual(await found({ subject: change, types: ['chang'] }), [], 'a prefix ends in a dot');
  assert.deepEqual(await found({ about: host, actorId: 'nobody' }), []);
  assert.deepEqual(await found({ about: host, until: new Date(Date.now() - 60_000) }), []);
  const all = await listEntries(p.db, { about: host });
  assert.deepEqual(
    (await entriesAfter(p.db, all[0]!.seq, 1)).map((e) => e.id),
    [ids[1]],
  );
  assert.deepEqual(await found({ about: host, before: all[1]!.seq }), [ids[0]]);
});

test('the sequencer sees committed entries only, each until it is marked, and cause before effect', async () => {
  const sequence = (limit: number): Promise<string[]> =>
    p.observe(actor, async (tx) => {
      const entries = await readUnsequenced(tx.db, limit);
      await markSequenced(
        tx.db,
        entries.map((entry) => entry.seq),
      );
      return entries.map((entry) => entry.id);
    });
  while ((await sequence(100)).length) continue;
  const subject = { kind: 'host', id: 'seq' } as const;
  let release = (): void => undefined;
  const slow = p.observe(actor, async (tx) => {
    const id = await tx.record({ type: 'a.slow', subject });
    await new Promise<void>((resolve) => (release = resolve));
    return id;
  });
  const first = await record({ type: 'a.first', subject });
  const second = await record({ type: 'a.second', subject });
  assert.deepEqual(await sequence(100), [first, second], 'the open transaction holds nobody up');
  assert.equal(await countUnsequenced(p.db), 0);
  release();
  const late = await slow;
  assert.equal(await countUnsequenced(p.db), 1);
  await assert.rejects(
    p.observe(actor, async (tx) => {
      await markSequenced(
        tx.db,
        (await readUnsequenced(tx.db, 10)).map((entry) => entry.seq),
      );
      throw new Error('the sequencer died');
    }),
  );
  assert.deepEqual(await sequence(100), [late], 'what was not committed is there again');
});
