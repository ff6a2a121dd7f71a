import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arcsOf, BLOCK_ROW, HOST_ROW, rowMiddles } from './map-arcs.ts';

test('rows follow each other, and arcs stay in their room whatever talks to whatever', () => {
  const kinds = Array.from({ length: 90 }, (_, i) => (i % 9 === 0 ? ('block' as const) : ('host' as const)));
  const { middles, height } = rowMiddles(kinds);
  assert.equal(height, 10 * BLOCK_ROW + 80 * HOST_ROW);
  assert.ok(middles.every((middle, i) => i === 0 || middle > middles[i - 1]!));
  const ids = kinds.map((_, i) => `n${i}`);
  const links = ids.flatMap((from, i) =>
    [1, 7, 89].map((step) => ({ from, to: ids[(i + step) % 90]!, pairs: step, connections: 0, ports: [] })),
  );
  for (const room of [60, 90, 420]) {
    const arcs = arcsOf(ids, middles, [...links, { ...links[0]!, to: 'not shown' }], room);
    assert.equal(arcs.length, links.length, 'what is not shown has no arc');
    for (const { path } of arcs) {
      const [, x] = /C(\d+),/.exec(path)!;
      assert.ok((Number(x) * 3) / 4 <= room + 1, path);
    }
  }
});
