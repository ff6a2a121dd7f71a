import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Sighting } from '../../../model/estate.ts';
import { Meanwhile } from './meanwhile.ts';
import { partsOf } from './parts.ts';
import { atPlace } from './place.ts';
import { reconcile } from './reconcile.ts';
import { textOf } from './strong.ts';

const at = '2030-01-01T00:00:00Z';
const seen = (address: string, key: number, site = 'local', source: Sighting['source'] = 'scan'): Sighting => {
  return { source, address, at, site, identifiers: [{ kind: 'ssh-host-key', value: `key-${key}` }] };
};

const look = fc
  .record({
    place: fc.integer({ min: 1, max: 4 }),
    key: fc.integer({ min: 0, max: 2 }),
    site: fc.constantFrom('local', 'local', 'berlin'),
    source: fc.constantFrom<Sighting['source']>('scan', 'scan', 'dns'),
  })
  .map(({ place, key, site, source }) => seen(`10.0.0.${place}`, key, site, source));

test('1.7: beside each part stands what the next looks find elsewhere, or else what the last ones left', () => {
  fc.assert(
    fc.property(fc.array(look, { maxLength: 14 }), (batch) => {
      const looks = batch.map(atPlace);
      const identities = [...new Set(looks.flatMap(({ identifiers }) => identifiers.map(textOf)))];
      let from = 0;
      for (const { to, meanwhile } of partsOf(batch)) {
        const told = [...looks.slice(0, from), ...looks.slice(to).toReversed(), ...looks.slice(from, to)];
        const wanted = new Meanwhile(told);
        for (const { address } of looks) assert.deepEqual(meanwhile.at(address), wanted.at(address));
        for (const one of identities)
          assert.deepEqual(meanwhile.placesOf(one).toSorted(), wanted.placesOf(one).toSorted());
        from = to;
      }
      assert.equal(from, batch.length);
    }),
  );
});

/** How often something of this batch is read until all its parts are decided. */
function readsOf(size: number): number {
  let reads = 0;
  const batch = Array.from({ length: size }, (_, index) => {
    const { identifiers, ...rest } = seen(`10.0.0.${index % 7}`, index);
    const counted = { enumerable: true, get: () => (reads++, identifiers) };
    return Object.defineProperty(rest, 'identifiers', counted) as Sighting;
  });
  let from = 0;
  let parts = 0;
  let next = 0;
  for (const { to, meanwhile } of partsOf(batch)) {
    const around = { newId: () => `host_${next++}`, alive: () => false };
    reconcile([], batch.slice(from, to).map(atPlace), around, meanwhile);
    from = to;
    parts++;
  }
  assert.ok(parts > size / 8, `${parts} parts`);
  return reads;
}

test('1.7: a batch of many parts costs what its sightings cost, and not their square', () => {
  const [few, many] = [readsOf(300), readsOf(3000)];
  assert.ok(many < few * 12, `${few} reads for 300 sightings, ${many} for 3,000`);
});
