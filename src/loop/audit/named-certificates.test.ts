import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProbeResult } from '../../model/probe.ts';
import { placesOfKeys } from './store-keys.ts';
import { certificate, tls, world } from './testing/world.ts';

test('3.17: every certificate that a listener shows by name is on the radar, and burns with the others', async (t) => {
  const w = await world();
  t.after(() => w.close());
  const [shop, blog] = [certificate('shop', '01'), certificate('blog', '02')];
  const named = { ...tls('vulnerable', shop), named: [{ names: ['blog.example'], chain: [blog] }] } as ProbeResult;
  const hostId = await w.find('10.0.0.1', 'key');
  await w.look(hostId, '10.0.0.1', 443, named);
  await w.settle();
  const places = await placesOfKeys(w.platform.db, [shop.spki, blog.spki]);
  assert.deepEqual(places.map(({ spki }) => spki).sort(), [shop.spki, blog.spki].sort());
  const burnt = await w.audit.exposures({ kit: 'heartbleed' });
  assert.deepEqual(burnt.map(({ serial }) => serial).sort(), ['01', '02']);
  // Another machine with the key of the second.
  const other = await w.find('10.0.0.2', 'other key');
  await w.look(other, '10.0.0.2', 443, tls('safe', blog));
  await w.settle();
  assert.deepEqual(
    (await w.audit.exposures({ hostId: other })).map(({ cause }) => cause),
    ['shared-key'],
  );
});
