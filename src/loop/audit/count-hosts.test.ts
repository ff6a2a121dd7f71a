import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { countHosts } from './count-hosts.ts';
import { worlds } from './testing/vulnerabilities.ts';

const fresh = worlds();
const NAMES = ['a', 'b', 'c', 'd'];
const pick = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 4 });
const Host = fc.record({
  packages: fc.option(fc.nat(4)),
  inventories: fc.option(fc.nat(4)),
  earlier: fc.option(fc.nat(4)),
  system: fc.option(
    fc.record({
      listens: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
      reached: fc.uniqueArray(
        fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('local', 'berlin', 'rome')).map((both) => both.join('\t')),
        { maxLength: 3 },
      ),
      reachedAt: fc.option(fc.constantFrom('2026-01-01', '2026-01-02')),
      peers: fc.nat(9),
      important: fc.boolean(),
    }),
  ),
});
const Estate = fc.record({
  lists: fc.array(pick, { minLength: 5, maxLength: 5 }),
  hosts: fc.array(Host, { maxLength: 8 }),
  sets: fc.uniqueArray(
    fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }).map((ids) => ids.toSorted().join()),
    { minLength: 1, maxLength: 6 },
  ),
});

test('3.1: hosts counted by reading every list once are those counted by asking the index of each set', async () => {
  const w = await fresh();
  const { db } = w.platform;
  let [counted, reached] = [0, 0];
  await fc.assert(
    fc.asyncProperty(Estate, async ({ lists, hosts, sets }) => {
      const both = await db.transaction().execute(async (tx) => {
        for (const table of ['host_system', 'host_list', 'package_list', 'package'])
          await sql`delete from ${sql.table(`audit.${table}`)}`.execute(tx);
        for (let id = 1; id <= 6; id++)
          await sql`insert into audit.package (id, digest, ecosystem, name, version, source, source_version, is_foreign,
            is_library, kernel, as_source, as_binary) overriding system value
            values (${id}, ${`${id}`}, 'Debian', ${NAMES[id % 4]}, '1', 's', '1', false, false, '', 's', 's')`.execute(
            tx,
          );
        for (const [section, first] of [
          ['packages', 0],
          ['inventories', 10],
        ] as const)
          for (const [index, packages] of lists.entries())
            await sql`insert into audit.package_list (id, key, section, hash, packages) overriding system value
              values (${first + index}, ${`${section}${index}`}, ${section}, '', ${packages}::integer[])`.execute(tx);
        for (const [index, host] of hosts.entries()) {
          const put = (section: string, list: number | null, until: string | null) =>
            list === null
              ? null
              : sql`insert into audit.host_list values (${`h${index}`}, ${section}, ${list},
                  ${until === null ? '2026-01-02' : '2026-01-01'}, ${until})`.execute(tx);
          await put('packages', host.packages, null);
          await put('packages', host.earlier, '2026-01-02');
          await put('inventories', host.inventories === null ? null : host.inventories + 10, null);
          if (host.system)
            await sql`insert into audit.host_system (host_id, ecosystems, listens, reached, reached_at, peers, important) values
              (${`h${index}`}, '{}', ${host.system.listens}, ${host.system.reached.toSorted()},
              ${host.system.reachedAt}, ${host.system.peers}, ${host.system.important})`.execute(tx);
        }
        return [await countHosts(tx, sets, 1000), await countHosts(tx, sets, 0)];
      });
      const sorted = (one: Map<string, unknown>) => [...one].toSorted(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(sorted(both[1]!), sorted(both[0]!));
      counted += both[0]!.size;
      reached += [...both[0]!.values()].filter((one) => one.reachedFrom.length > 1).length;
    }),
    { numRuns: 60 },
  );
  assert.ok(counted > 50);
  assert.ok(reached > 5, 'from more than one site');
});
