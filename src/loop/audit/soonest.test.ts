import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { DbOrTx } from '../../platform/context.ts';
import { lifeOf } from './logic/vulnerability-life.ts';
import { acceptedFor, acceptedHere } from './store-accepted.ts';
import { type Asked, listsWith, MANY } from './soonest.ts';
import { overdueOn } from './count-overdue.ts';
import { alikeIn, putDue } from './store-due.ts';
import { spansOf } from './store-vulnerabilities.ts';
import { worlds } from './testing/vulnerabilities.ts';
import { clockOf } from './vulnerability-clocks.ts';

const fresh = worlds();
const NOW = new Date(Date.UTC(2026, 5, 1));
const day = (number: number): Date => new Date(Date.UTC(2026, 0, 1 + number));
const PACKAGES = [1, 2, 3, 4];
const ADVISORIES = { 'CVE-1': 'high', 'CVE-2': 'unknown', 'CVE-3': 'high' } as const;
const NAMES = Object.keys(ADVISORIES) as (keyof typeof ADVISORIES)[];

/** What held one after the other, each for some days; null: nothing. The last holds until now, or it ended. */
const track = <T>(values: fc.Arbitrary<T | null>) =>
  fc
    .record({
      from: fc.nat(6),
      parts: fc.array(fc.record({ value: values, days: fc.integer({ min: 1, max: 6 }) }), { maxLength: 4 }),
      goesOn: fc.nat(3).map((dice) => dice > 0),
    })
    .map(({ from, parts, goesOn }) => {
      let at = from;
      return parts.flatMap(({ value, days }, index) => {
        const since = day(at);
        at += days;
        const until = goesOn && index === parts.length - 1 ? null : day(at);
        return value === null ? [] : [{ value, since, until }];
      });
    });

const Estate = fc.record({
  lists: fc.array(fc.uniqueArray(fc.constantFrom(...PACKAGES), { maxLength: 3 }), { minLength: 6, maxLength: 6 }),
  hosts: fc.array(
    fc.record({
      packages: track(fc.option(fc.constantFrom(1, 2, 3), { freq: 5 })),
      inventories: track(fc.option(fc.constantFrom(4, 5, 6), { freq: 2 })),
      terms: fc.record({ high: fc.constantFrom(2, 9, null), medium: fc.constantFrom(4, null) }),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  said: fc.array(track(fc.constantFrom('affected', 'affected', 'unknown', null)), {
    minLength: PACKAGES.length * 3,
    maxLength: PACKAGES.length * 3,
  }),
  // What burnt under its own name, went, and goes on with the time of what told of it meanwhile.
  formerly: fc.array(
    fc.record({
      advisory: fc.constantFrom(...NAMES),
      id: fc.constantFrom(...PACKAGES),
      from: fc.nat(14),
      days: fc.integer({ min: 1, max: 6 }),
    }),
    { maxLength: 3 },
  ),
  accepted: fc.array(
    fc.record({
      advisory: fc.constantFrom(...NAMES),
      hosts: fc.option(
        fc.uniqueArray(
          fc.integer({ min: 0, max: 5 }).map((index) => `h${index}`),
          { maxLength: 3 },
        ),
        {
          freq: 6,
        },
      ),
    }),
    { maxLength: 2 },
  ),
});
type Estate = typeof Estate extends fc.Arbitrary<infer T> ? T : never;

async function put(db: DbOrTx, estate: Estate): Promise<void> {
  for (const id of PACKAGES)
    await sql`insert into audit.package (id, digest, ecosystem, name, version, source, source_version, is_foreign,
      is_library, kernel, as_source, as_binary) overriding system value
      values (${id}, ${`${id}`}, 'Debian', 'p', '1', 's', '1', false, false, '', 's', 's')`.execute(db);
  for (const [index, packages] of estate.lists.entries())
    await sql`insert into audit.package_list (id, key, section, hash, packages) overriding system value values
      (${index + 1}, ${`${index}`}, ${index < 3 ? 'packages' : 'inventories'}, '', ${packages.toSorted()}::integer[])`.execute(
      db,
    );
  for (const [index, host] of estate.hosts.entries()) await putHost(db, `h${index}`, host);
  for (const [index, advisory] of NAMES.entries()) await putSaid(db, advisory, estate.said.slice(index * 4));
  for (const { advisory, id, from, days } of estate.formerly)
    await sql`insert into audit.match (package_id, advisory, about, verdict, why, feed, since, until)
      values (${id}, ${advisory}, 's', 'affected', '', 'f', ${day(from)}, ${day(from + days)})`.execute(db);
  for (const [index, { advisory, hosts }] of estate.accepted.entries())
    await sql`insert into audit.accepted values (${`e${index}`}, ${advisory}, ${hosts}::text[], ${NOW})`.execute(db);
}

async function putHost(db: DbOrTx, id: string, host: Estate['hosts'][number]): Promise<void> {
  for (const section of ['packages', 'inventories'] as const)
    for (const { value, since, until } of host[section])
      await sql`insert into audit.host_list values (${id}, ${section}, ${value}, ${since}, ${until})`.execute(db);
  for (const [severity, days] of Object.entries(host.terms).filter(([, one]) => one !== null))
    await sql`insert into audit.host_term values (${id}, ${severity}, ${days})`.execute(db);
}

/** `said`: of each package in turn. */
async function putSaid(db: DbOrTx, advisory: keyof typeof ADVISORIES, said: Estate['said']): Promise<void> {
  await sql`insert into audit.vulnerability (advisory, aliases, severity, sources, packages, hosts, listening, important,
    peers, fixable) values (${advisory}, '{}', ${ADVISORIES[advisory]}, '{s}', 1, 1, 0, 0, 0, true)`.execute(db);
  for (const [place, id] of PACKAGES.entries())
    for (const { value, since, until } of said[place]!)
      await sql`insert into audit.match (package_id, advisory, about, verdict, why, feed, since, until)
        values (${id}, ${advisory}, 's', ${value}, '', 'f', ${since}, ${until})`.execute(db);
}

/** What each host says of itself, one by one: by when it is to be gone from those that it burns on, the soonest first. */
async function plain(db: DbOrTx, { hosts }: Estate, advisory: keyof typeof ADVISORIES): Promise<string[]> {
  const spans = await spansOf(
    db,
    hosts.map((_, index) => `h${index}`),
    [advisory],
  );
  const all = await acceptedFor(db, [advisory]);
  const due = hosts.flatMap(({ terms }, index) => {
    const life = lifeOf(spans.filter(({ hostId }) => hostId === `h${index}`));
    const accepted = acceptedHere(all.get(advisory), `h${index}`);
    const days = Object.fromEntries(Object.entries(terms).filter(([, one]) => one !== null));
    const { dueAt } = clockOf(life, ADVISORIES[advisory], days, { accepted, now: NOW });
    return life?.state === 'unproven' || dueAt === null ? [] : [dueAt];
  });
  return due.toSorted();
}

const sorted = (lists: ReadonlyMap<number, readonly number[]>) =>
  [...lists].map(([id, own]) => [id, own.toSorted((a, b) => a - b)] as const).toSorted(([a], [b]) => a - b);

test('3.10, property: the soonest time, found by what is distinct, is that of asking every host by itself', async () => {
  const w = await fresh();
  let found = 0;
  await fc.assert(
    fc.asyncProperty(Estate, async (estate) => {
      // Never committed: each begins with an empty estate.
      const tx = await w.platform.db.startTransaction().execute();
      try {
        await put(tx, estate);
        await putDue(tx, NAMES);
        assert.deepEqual(sorted(await listsWith(tx, PACKAGES, 0)), sorted(await listsWith(tx, PACKAGES, Infinity)));
        const { rows } = await sql<{ advisory: keyof typeof ADVISORIES; due_at: Date | null }>`
          select advisory, due_at from audit.vulnerability`.execute(tx);
        for (const { advisory, due_at: due } of rows) {
          assert.equal(due?.toISOString() ?? null, (await plain(tx, estate, advisory))[0] ?? null, advisory);
          if (due !== null) found += 1;
        }
      } finally {
        await tx.rollback().execute();
      }
    }),
    { numRuns: 80 },
  );
  assert.ok(found > 40, `${found} had a time`);
});

const groupsOf = (alike: readonly Asked[]) => alike.map(({ advisories }) => advisories.toSorted().join()).toSorted();

test('3.10, property: the hosts on which it is overdue, counted by what is distinct, are those that say so themselves', async () => {
  const w = await fresh();
  const { platform } = w;
  let found = 0;
  let partly = 0;
  let plainly = 0;
  await fc.assert(
    fc.asyncProperty(Estate, fc.integer({ min: 6, max: 16 }), async (estate, today) => {
      const tx = await platform.db.startTransaction().execute();
      const now = day(today);
      try {
        await put(tx, estate);
        await putDue(tx, NAMES);
        const alike = await alikeIn(tx, NAMES);
        const counted = await overdueOn(tx, alike, now);
        const one = { advisories: 1, hosts: 1, lists: 1 };
        const alikeOneByOne = await alikeIn(tx, NAMES, 1);
        assert.deepEqual(groupsOf(alikeOneByOne), groupsOf(alike));
        assert.deepEqual(
          await overdueOn(tx, alike, now, { portions: one }),
          counted,
          'however it is cut into portions',
        );
        const some = await overdueOn(tx, alike, now, { most: 0 });
        assert.ok(
          some.every((count, at) => count === null || count === counted[at]),
          'what is put off is not told, and all else is the same',
        );
        for (const [at, one] of alike.entries()) {
          const dues = await plain(tx, estate, one.advisories[0] as (typeof NAMES)[number]);
          const late = dues.filter((due) => due < now.toISOString()).length;
          assert.equal(counted[at], late, one.advisories[0]);
          if (late > 0) found += 1;
          if (late > 0 && some[at] !== null) plainly += 1;
          if (late > 0 && late < dues.length) partly += 1;
        }
      } finally {
        await tx.rollback().execute();
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(found > 15 && partly > 3, `${found} were overdue, ${partly} on some of their hosts`);
  assert.ok(plainly > found / 2, `of ${found} ${plainly} without asking a host`);
});

test('3.10: of hosts that have nothing any more nobody asks whether they are overdue', async () => {
  const { platform } = await fresh();
  const tx = await platform.db.startTransaction().execute();
  try {
    const none = { inventories: [], terms: { high: 2 as const, medium: null } };
    const had = (list: 1 | 2, until: Date | null) => [{ value: list, since: day(0), until }];
    const burning = [{ value: 'affected' as const, since: day(0), until: null }];
    await put(tx, {
      lists: [[1], [1, 2], [], [], [], []],
      hosts: [
        { ...none, packages: had(1, null) },
        { ...none, packages: had(1, day(9)) },
        { ...none, packages: had(2, day(9)), inventories: [{ value: 4, since: day(0), until: null }] },
      ],
      said: [burning, ...Array.from({ length: 11 }, () => [])],
      formerly: [],
      accepted: [],
    });
    // Of so many packages hosts are not looked up by what they have.
    await sql`with many as (insert into audit.package (id, digest, ecosystem, name, version, source, source_version,
        is_foreign, is_library, kernel, as_source, as_binary) overriding system value
        select n, n::text, 'Debian', 'p', '1', 's', '1', false, false, '', 's', 's'
        from generate_series(100, 99 + ${MANY}::integer) n returning id)
      insert into audit.match (package_id, advisory, about, verdict, why, feed, since)
      select id, 'CVE-1', 's', 'affected', '', 'f', ${day(0)} from many`.execute(tx);
    assert.deepEqual(await overdueOn(tx, await alikeIn(tx, ['CVE-1']), day(10), { most: 0 }), [1]);
  } finally {
    await tx.rollback().execute();
  }
});
