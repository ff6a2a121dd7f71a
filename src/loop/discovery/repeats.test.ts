import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import type { Identifier, IdentifierKind, Sighting, SourceName } from '../../model/estate.ts';
import { testPlatform, type TestPlatform } from '../../platform/testing.ts';
import { repeatsIn } from './repeats.ts';
import { recordSightings } from './sightings.ts';
import { OPERATOR } from './testing/index.ts';

let platform: TestPlatform;
before(async () => {
  platform = await testPlatform();
});
after(() => platform.close());

interface Said {
  source: SourceName;
  place: number;
  shown: [IdentifierKind, number][];
  hostname: string | undefined;
}
interface Batch {
  days: number;
  /** whose scanner looked; nobody's: the server */
  site?: string;
  said: Said[];
  /** says what the one before it said, and one thing of its own beside */
  repeats: boolean;
}

/** Few of everything, so that histories meet: moves, copies, shared addresses, lists that contradict. */
const said = fc.record<Said>({
  source: fc.constantFrom('scan', 'scan', 'scan', 'scan', 'neighbour', 'agent', 'import', 'dns'),
  place: fc.integer({ min: 1, max: 6 }),
  shown: fc.array(
    fc.tuple(
      fc.constantFrom<IdentifierKind>('ssh-host-key', 'ssh-host-key', 'machine-id', 'mac', 'tls-key'),
      fc.integer({ min: 0, max: 4 }),
    ),
    { maxLength: 2 },
  ),
  hostname: fc.constantFrom(undefined, undefined, undefined, 'web', 'db'),
});
/** What was seen is written down as seen anew after a week. */
const history = fc.array(
  fc.record<Batch>({
    days: fc.constantFrom(0.1, 1, 8),
    site: fc.constantFrom('local', 'local', 'local', 'berlin'),
    said: fc.array(said, { minLength: 1, maxLength: 6 }),
    repeats: fc.constantFrom(true, true, true, false),
  }),
  { minLength: 3, maxLength: 10 },
);

/** A batch has looked at an address once; lists may say several things of one. */
function onceMeasured(all: readonly Said[]): Said[] {
  const looked = all.filter(({ source }) => source === 'scan' || source === 'neighbour');
  return all.filter((one) => !looked.includes(one) || looked.find(({ place }) => place === one.place) === one);
}

let plays = 0;
let repeated = 0;

/** Every play has addresses, keys and names of its own, which are taken out of what is compared. */
class Play {
  readonly #mark = `p${++plays}x`;
  readonly #net = `10.${100 + (plays >> 8)}.${plays & 255}.`;
  #hosts = 0;

  batches(all: readonly Batch[]): Sighting[][] {
    let day = 0;
    let last: readonly Said[] = [];
    return all.map(({ days, site = 'local', said: own, repeats }) => {
      day += days;
      const at = new Date(Date.UTC(2030, 0, 1) + day * 86_400_000).toISOString();
      last = onceMeasured(repeats ? [...last.slice(0, 6), ...own.slice(0, 1)] : own);
      return last.map((one) => this.#sighting(one, at, site));
    });
  }

  #sighting({ source, place, shown, hostname }: Said, at: string, site: string): Sighting {
    const identifiers = shown.map(([kind, n]): Identifier => ({ kind, value: `${this.#mark}${kind}-${n}` }));
    return {
      source,
      address: `${this.#net}${place}`,
      at,
      identifiers,
      ...(hostname ? { hostname: `${this.#mark}${hostname}` } : {}),
      ...(source === 'scan' ? { site } : {}),
    };
  }

  /** Decides; what is compared of the decisions. */
  async decide(batch: readonly Sighting[]): Promise<string> {
    const newId = () => `host_${this.#mark}${String(++this.#hosts).padStart(3, '0')}`;
    const decisions = await platform.observe(OPERATOR, (tx) => recordSightings({ newId }, tx, batch));
    const compared = decisions.map(({ hostId, kind, displaced, from, replaces, cloneOf, isElsewhere = false }) => {
      return { hostId, kind, displaced, from, replaces, cloneOf, isElsewhere };
    });
    return this.#plain(compared);
  }

  forgetWords = () =>
    sql`update discovery.sighting set word = null where starts_with(address, ${this.#net})`.execute(platform.db);

  readonly #plain = (what: unknown): string =>
    JSON.stringify(what).replaceAll(this.#mark, '').replaceAll(this.#net, 'net.');

  /** All that is written of its hosts. */
  async written(): Promise<string> {
    const of = async (table: string, columns: string) => {
      const hosts = sql`host_id in (select id from discovery.host where strpos(id, ${`_${this.#mark}`}) > 0)`;
      const list = sql.raw(columns);
      return (
        await sql`select ${list} from ${sql.table(`discovery.${table}`)} where ${hosts} order by ${list}`.execute(
          platform.db,
        )
      ).rows;
    };
    return this.#plain([
      await of('address', 'host_id, address, site, how, current, first_seen, last_seen'),
      await of('identifier', 'host_id, kind, value, listed, first_seen, last_seen'),
      await of('host_source', 'host_id, source, first_seen, last_seen, sightings'),
      await of('presence', 'host_id, last_seen, offline_since'),
      await of('sighting', 'host_id, source, address, hostname, identifiers, at, until'),
      await of('decision', 'host_id, kind, address'),
    ]);
  }
}

/** An agent claims an address that is another machine's here, and its own machine is seen at that address of another site. */
const CLAIMED_HERE_AND_SEEN_THERE: Batch[] = [
  { days: 1, said: [{ source: 'scan', place: 2, shown: [['ssh-host-key', 0]], hostname: undefined }], repeats: false },
  {
    days: 1,
    site: 'berlin',
    said: [
      { source: 'agent', place: 2, shown: [['ssh-host-key', 3]], hostname: undefined },
      { source: 'scan', place: 2, shown: [['ssh-host-key', 3]], hostname: undefined },
    ],
    repeats: false,
  },
];

test('1.5, 1.7: what only repeats itself is told apart first, and comes to the same as deciding upon everything', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (all) => {
      const [quick, slow] = [new Play(), new Play()];
      const [quickly, slowly] = [quick.batches(all), slow.batches(all)];
      for (const [index, batch] of quickly.entries()) {
        repeated += (await repeatsIn(platform.db, batch)).size;
        // Without a digest every word is compared by what it says.
        await slow.forgetWords();
        assert.equal(await quick.decide(batch), await slow.decide(slowly[index]!), `batch ${index}`);
      }
      assert.equal(await quick.written(), await slow.written());
    }),
    { numRuns: 60, examples: [[CLAIMED_HERE_AND_SEEN_THERE]] },
  );
  // Had nothing been a repeat, nothing would have been compared.
  assert.ok(repeated > 10, `${repeated} repeats`);
});

test('two batches that repeat the same hosts at once, in any order, wait for each other and no longer', async () => {
  const play = new Play();
  const places = Array.from({ length: 200 }, (_, place): Said => ({
    source: 'scan',
    place,
    shown: [['ssh-host-key', place]],
    hostname: undefined,
  }));
  const [first, again] = play.batches([
    { days: 1, said: places, repeats: false },
    { days: 1, said: places, repeats: false },
  ]);
  await play.decide(first!);
  await Promise.all(
    [again!, again!.toReversed(), again!.slice(0, 100), again!.slice(100).toReversed()].map((batch) =>
      play.decide(batch),
    ),
  );
  const counts = JSON.parse(await play.written()) as { sightings?: number }[][];
  assert.deepEqual(new Set(counts[2]!.map(({ sightings }) => sightings)), new Set([4]));
});
