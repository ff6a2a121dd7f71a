import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from './options.ts';

test('what follows -- is the command, whatever it looks like', () => {
  assert.deepEqual(parseOptions(['exec', 'web1', '--json', '--', 'ls', '--help']), {
    action: 'exec',
    host: 'web1',
    argv: ['ls', '--help'],
    json: true,
  });
  assert.deepEqual(parseOptions(['exec', 'web1', 'id']), { action: 'exec', host: 'web1', argv: ['id'], json: false });
});

test('what is not understood is refused by name', () => {
  assert.throws(() => parseOptions(['up', '--only', 'web1,nobody']), /no host "nobody": there are web1/);
  assert.throws(() => parseOptions(['fly']), /"fly" is none of/);
  assert.throws(() => parseOptions(['down', 'web1']), /one too many/);
  assert.throws(() => parseOptions(['exec', 'web1']), /a host and a command/);
  assert.deepEqual(parseOptions([]), { action: 'help' });
});
