import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceName } from './estate.ts';
import { seenAt } from './seen.ts';

const LOOKS = ['scan', 'peer', 'neighbour', 'agent', 'agent-scan'];

test('a host of which only lists tell was never seen; one look is enough', () => {
  const lastSeen = '2030-01-01T00:00:00.000Z';
  for (const source of SourceName.options) {
    assert.equal(seenAt({ sources: [source], lastSeen }), LOOKS.includes(source) ? lastSeen : null, source);
    assert.equal(seenAt({ sources: [source, 'scan'], lastSeen }), lastSeen, source);
  }
  assert.equal(seenAt({ sources: [], lastSeen }), lastSeen);
});
