import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeInWords } from './outcome-words.ts';

const outcome = (kind: string, before: Record<string, unknown>, after: Record<string, unknown>) => ({
  kind,
  phase: 'apply' as const,
  changed: true,
  before,
  after,
  error: null,
});

test('what was seen, without the whole files and requests that came with it', () => {
  const line = outcome('set-file-line', { text: 'a whole file' }, { line: 'PermitRootLogin no', sha256: 'ab' });
  assert.equal(outcomeInWords(line), 'the line is "PermitRootLogin no"');
  assert.equal(
    outcomeInWords(outcome('service', { pid: 12 }, { pid: 34, state: 'running' })),
    'is running, process 12 → 34',
  );
  const health = { ...outcome('health', {}, { listeners: ['127.0.0.1:443'] }), changed: false };
  assert.equal(outcomeInWords(health), 'accepts connections on 127.0.0.1:443');
});

test('a failure says why, a repetition that nothing was to do, an undo that it is undone', () => {
  const step = outcome('upgrade-package', { version: '1' }, { name: 'openssl', version: '2' });
  assert.equal(outcomeInWords({ ...step, error: 'no space left' }), 'no space left');
  assert.equal(outcomeInWords({ ...step, changed: false }), 'was so already');
  assert.equal(outcomeInWords({ ...step, phase: 'undo' }), 'as it was before');
});

test('a kind of another version is shown by what differs', () => {
  assert.equal(outcomeInWords(outcome('new-kind', { a: 1, b: 2 }, { a: 1, b: 3 })), 'b: 2 → 3');
});
