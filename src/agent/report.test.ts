import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { localHost } from '../host/local.ts';
import { LIVELY_SECTIONS } from '../host/facts/registry.ts';
import { testTree } from '../host/steps/testing.ts';
import { SECTION_NAMES } from '../model/facts.ts';
import { reportFacts, type Reporter } from './report.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const tree = testTree({ 'etc/os-release': 'ID=debian\n', 'etc/machine-id': 'abc\n' });
after(() => tree.remove());

/** How many sections a look tells. */
async function look(reporter: Reporter): Promise<number> {
  const told: number[] = [];
  await reportFacts(reporter, async (sections) => {
    told.push(sections.length);
    return { want: [] };
  });
  return told[0]!;
}

test('a clock that was set back: lists and whole looks are due, not weeks away', async () => {
  const host = localHost({ root: tree.root });
  const at = (then: number): Reporter => ({
    host,
    cache: new Map(),
    factsSeconds: 300,
    listsAt: then,
    wholeAt: then,
    now: () => new Date(NOW),
  });
  assert.equal(await look(at(NOW - 1000)), LIVELY_SECTIONS.length);
  const later = at(NOW + 21 * DAY);
  const fetched: number[] = [];
  later.listed = (at) => void fetched.push(at);
  assert.equal(await look(later), SECTION_NAMES.length);
  assert.deepEqual([later.listsAt, later.wholeAt], [NOW, NOW]);
  assert.deepEqual(fetched, [NOW], 'said before anything else could break off');
});
