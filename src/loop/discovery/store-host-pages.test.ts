import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { systemActor } from '../../model/actor.ts';
import type { Host, HostCounts } from '../../model/estate.ts';
import { testPlatform } from '../../platform/testing.ts';
import { createDiscovery } from './index.ts';

const platform = await testPlatform({});
after(() => platform.close());
const discovery = createDiscovery(platform);

async function call<T>(id: string, query: object): Promise<T> {
  const route = discovery.routes.find((one) => one.id === id)!;
  const reply = await route.handler({ query: route.query?.parse(query) } as never);
  return route.reply!.parse(reply) as T;
}
interface Page {
  items: Host[];
  next: string | null;
}
const ask = (query: object): Promise<Page> => call<Page>('listHosts', query);
async function paged(query: object, limit: number, from: object = {}): Promise<string[]> {
  const { items, next } = await ask({ ...query, ...from, limit });
  const ids = items.map(({ id }) => id);
  return next === null ? ids : [...ids, ...(await paged(query, limit, { after: next }))];
}

const CLAIMS = ['unknown', 'known', 'ignored'] as const;
const MANAGEMENT = ['unmanaged', 'managed', 'lost'] as const;
const NAMES = ['web-1', 'WEB-2', 'db_%', 'db-x'];

test('1.1: hosts come a page at a time, by what is searched for, and are counted as the whole list is', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const identifiers = [{ kind: 'ssh-host-key' as const, value: `SHA256:${n}` }];
    const sighting = {
      source: 'scan' as const,
      address: `10.4.0.${n + 1}`,
      at: platform.now().toISOString(),
      identifiers,
    };
    ids.push(...(await platform.observe(systemActor('scan'), (tx) => discovery.recordSightings(tx, [sighting]))));
  }
  const entry = { type: 'discovery.host.claimed', subject: { kind: 'host' as const, id: ids[0]! } };
  await platform.act(systemActor('test'), entry, async ({ db }) => {
    for (const [n, id] of ids.entries())
      await sql`update discovery.host set name = ${NAMES[n % 4]! + (n > 3 ? String(n) : '')}, claim = ${CLAIMS[n % 3]!},
        management = ${MANAGEMENT[n % 2 === 0 ? 0 : 1 + (n % 3 === 0 ? 1 : 0)]!}, guess = ${n === 5 ? 'a Printer' : null}
        where id = ${id}`.execute(db);
  });
  const all = (await ask({})).items;
  assert.equal(all.length, 12);
  const words = ({ name, guess, addresses }: Host): string =>
    `${name} ${guess ?? ''} ${addresses.join(' ')}`.toLowerCase();
  const questions: [object, (host: Host) => boolean][] = [
    [{}, () => true],
    [{ claim: 'unknown' }, ({ claim }) => claim === 'unknown'],
    [{ managed: 'false' }, ({ management }) => management !== 'managed'],
    [{ managed: 'true', claim: 'known' }, (host) => host.management === 'managed' && host.claim === 'known'],
    ...['web', 'WEB-2', 'db_%', '_', '10.4.0.1', 'printer', 'nothing'].map(
      (text): [object, (host: Host) => boolean] => [{ text }, (host) => words(host).includes(text.toLowerCase())],
    ),
    ...[all[3]!.id, all[3]!.id.slice(-8), all[3]!.name, '10.4.0.7', 'x', '%'].map(
      (ref): [object, (host: Host) => boolean] => [
        { ref },
        ({ id, name, addresses }) =>
          id === ref || name === ref || addresses.includes(ref) || (ref.length >= 6 && id.endsWith(ref)),
      ],
    ),
  ];
  for (const [query, fits] of questions) {
    const expected = all.filter(fits).map(({ id }) => id);
    for (const limit of [1, 5, 12, 1000])
      assert.deepEqual(await paged(query, limit), expected, JSON.stringify({ query, limit }));
    assert.deepEqual(
      (await ask(query)).items.map(({ id }) => id),
      expected,
    );
  }
  // A word mistyped, or what ends no page, is refused: it would be answered with all hosts, or with none.
  for (const query of [{ claims: 'unknown' }, { after: 'zzz' }, { after: '' }])
    await assert.rejects(
      async () => ask({ limit: 1, ...query }),
      /Unrecognized key|ends no page/,
      JSON.stringify(query),
    );
  const many = (fits: (host: Host) => boolean): number => all.filter(fits).length;
  assert.deepEqual(await call<HostCounts>('countHosts', {}), {
    total: 12,
    unknown: many(({ claim }) => claim === 'unknown'),
    managed: many(({ management }) => management === 'managed'),
    lost: many(({ management }) => management === 'lost'),
  });
});
