import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snapInWords, snapsInWords } from './snap-words.ts';
import { snap } from './testing/snap.ts';

const firefox = snap({ name: 'firefox', version: '133.0-1', publisher: 'mozilla' });

test('3.2: a snap in words has all that tells it from a package; what is not known is not made up', () => {
  assert.equal(snapInWords(firefox), '133.0-1, revision 5437, latest/stable, by mozilla, on core22');
  const bare = { version: null, revision: 'x1', channel: null, publisher: null, base: null, active: false } as const;
  const used = { confinement: 'classic', usedBy: ['a.service', 'b'], stale: ['b'] } as const;
  assert.equal(
    snapInWords({ ...firefox, ...bare, ...used, usedBy: [...used.usedBy], stale: [...used.stale] }),
    'of unknown version, revision x1, put there by hand, classic: not confined, disabled, runs as a.service, b, still an earlier revision in b',
  );
  assert.deepEqual(snapsInWords(undefined, null), { snaps: [], troubles: [] });
  assert.deepEqual(snapsInWords({ snaps: [], unread: [{ path: '/x', why: 'it is not there' }] }, 'no').troubles, [
    'not read: /x: it is not there',
    'the last look failed: no',
  ]);
});
