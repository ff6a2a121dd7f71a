import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { Sighting, SourceName } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { recordSightings } from './sightings.ts';
import { OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

interface Look {
  place: number;
  /** null: it shows nothing */
  key: number | null;
  source: SourceName;
  site: string;
}

const look = fc.record<Look>({
  place: fc.integer({ min: 1, max: 3 }),
  key: fc.constantFrom(0, 0, 1, 1, 2, null),
  source: fc.constantFrom('scan', 'scan', 'scan', 'neighbour'),
  site: fc.constantFrom('local', 'local', 'berlin'),
});

let plays = 0;

/** Every play has addresses and keys of its own, which are taken out of what is compared. */
class Play {
  readonly #mark = `c${++plays}x`;
  readonly #net: string;
  #hosts = 0;
  readonly #ids: string[] = [];

  /** `isPrivate`: addresses that are another machine's at another site */
  constructor(isPrivate = true) {
    this.#net = `${isPrivate ? '10' : '11'}.${100 + (plays >> 8)}.${plays & 255}.`;
  }

  /** `apart`: every place has keys of its own */
  sightings(all: readonly Look[], apart: boolean): Sighting[] {
    return all.map(({ place, key, source, site }, index) => {
      const where = apart ? `${place}${this.#net.startsWith('10') && source === 'scan' ? site : 'local'}` : '';
      return {
        source,
        address: `${this.#net}${place}`,
        at: new Date(Date.UTC(2030, 0, 1, 0, 0, index)).toISOString(),
        identifiers: key === null ? [] : [{ kind: 'ssh-host-key', value: `${this.#mark}${where}-${key}` }],
        ...(source === 'scan' ? { site } : {}),
      };
    });
  }

  /** Returns who each is, and how that was decided. */
  async take(batch: readonly Sighting[]): Promise<string[]> {
    const newId = (): string => `host_${this.#mark}${String(++this.#hosts).padStart(3, '0')}`;
    const decisions = await platform.observe(OPERATOR, (tx) => recordSightings({ newId }, tx, batch));
    for (const { hostId } of decisions) if (!this.#ids.includes(hostId)) this.#ids.push(hostId);
    return decisions.map(({ hostId, kind }) => `${kind} ${this.#ids.indexOf(hostId)}`);
  }

  /** All that is written of its hosts, which are called in the order in which they were seen. */
  async written(): Promise<Record<string, string[]>> {
    const name = (text: string): string =>
      this.#ids
        .reduce((all, id, index) => all.replaceAll(id, `#${index}`), text)
        .replaceAll(this.#mark, '')
        .replaceAll(this.#net, 'net.');
    const of = async (table: string, columns: string, id = 'host_id'): Promise<[string, string[]]> => {
      const { rows } = await sql<Record<string, unknown>>`select ${sql.raw(columns)}
        from ${sql.table(`discovery.${table}`)} where strpos(${sql.ref(id)}, ${`_${this.#mark}`}) > 0`.execute(
        platform.db,
      );
      return [table, rows.map((row) => name(JSON.stringify(row))).toSorted()];
    };
    return Object.fromEntries(
      await Promise.all([
        of('host', 'id, name, superseded_by, note, first_seen', 'id'),
        // When these two were seen last is kept to a week.
        of('address', 'host_id, address, site, how, current, first_seen'),
        of('identifier', 'host_id, kind, value, first_seen'),
        of('host_source', 'host_id, source, first_seen, last_seen, sightings'),
        of('presence', 'host_id, last_seen, offline_since'),
        of('sighting', 'host_id, source, address, identifiers, at, until is null as stands'),
        of('decision', 'host_id, kind, address, at'),
      ]),
    ) as Record<string, string[]>;
  }

  /** Who was measured at each place, as it stands. */
  async holders(): Promise<Map<string, string>> {
    const { rows } = await sql<{ place: string; host_id: string }>`
      select address || '@' || site as place, host_id from discovery.address
      where current and how = 'measured' and starts_with(address, ${this.#net})`.execute(platform.db);
    return new Map(rows.map(({ place, host_id: id }) => [place, `${this.#ids.indexOf(id)}`]));
  }
}

const seen = (place: number, key: number | null, site = 'local'): Look => ({ place, key, source: 'scan', site });

test('1.7: of two looks at one address in one batch that contradict each other the later one holds, and both are kept', async () => {
  const play = new Play();
  const batch = play.sightings([seen(1, 0), seen(2, 0), seen(1, 1), seen(1, null)], true);
  assert.deepEqual(await play.take(batch), ['new 0', 'new 1', 'replaced 2', 'seen 2']);
  assert.deepEqual([...(await play.holders()).values()].toSorted(), ['1', '2']);
  const { host, sighting } = await play.written();
  assert.equal(host!.length, 3);
  assert.equal(sighting!.length, 4);
});

test('1.7: one address that two sites see is one machine where it is public, and two where it is private', async () => {
  const looks = [seen(1, 0, 'local'), seen(1, 1, 'berlin'), seen(1, 0, 'local')];
  const shared = new Play(false);
  assert.deepEqual(await shared.take(shared.sightings(looks, false)), ['new 0', 'replaced 1', 'moved 0']);
  assert.equal((await shared.holders()).size, 1);
  const apart = new Play();
  assert.deepEqual(await apart.take(apart.sightings(looks, false)), ['new 0', 'new 1', 'seen 0']);
  assert.equal((await apart.holders()).size, 2);
});

test('1.7, M.11: however a list of looks is split into batches, it ends in the same estate', async () => {
  let contradicted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(look, { minLength: 2, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 12 }),
      fc.boolean(),
      async (looks, sizes, isPrivate) => {
        const [whole, split] = [new Play(isPrivate), new Play(isPrivate)];
        const inOne = await whole.take(whole.sightings(looks, true));
        const all = split.sightings(looks, true);
        const inMany: string[] = [];
        for (let from = 0; from < all.length;) {
          const size = sizes.shift() ?? 1;
          inMany.push(...(await split.take(all.slice(from, from + size))));
          from += size;
        }
        assert.deepEqual(inOne, inMany);
        assert.deepEqual(await whole.written(), await split.written());
        contradicted += inOne.filter((one) => one.startsWith('replaced') || one.startsWith('moved')).length;
      },
    ),
    { numRuns: 25 },
  );
  assert.ok(contradicted > 10, `${contradicted} contradictions`);
});

test('1.7: whatever is seen in one batch is taken, and who was seen last at a place holds it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(look, { minLength: 2, maxLength: 14 }), fc.boolean(), async (looks, isPrivate) => {
      const play = new Play(isPrivate);
      const batch = play.sightings(looks, false);
      const hosts = (await play.take(batch)).map((one) => one.split(' ')[1]!);
      const holders = await play.holders();
      const last = new Map(
        batch.map(({ address, site = 'local' }, index) => [`${address}@${isPrivate ? site : 'local'}`, index]),
      );
      // A machine that was seen elsewhere afterwards has left.
      for (const [place, index] of last)
        if (hosts.lastIndexOf(hosts[index]!) === index) assert.equal(holders.get(place), hosts[index]);
    }),
    { numRuns: 25 },
  );
});
