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

test('a clock is set off by seconds with a sign, and nothing else is', () => {
  const off = (...words: string[]): unknown => {
    const options = parseOptions(['fault', ...words]);
    return options.action === 'fault' && [options.fault.kind, options.fault.host.name, options.fault.offset];
  };
  assert.deepEqual(off('clock', 'web1', '-3600'), ['clock', 'web1', '-3600']);
  assert.deepEqual(off('clock', 'web1', '+90'), ['clock', 'web1', '+90']);
  for (const words of [
    ['clock', 'web1'],
    ['clock', 'web1', '90'],
    ['heal', 'web1', '+90'],
    ['clock', 'web1', '+1', '+2', 'x'],
  ])
    assert.throws(() => off(...words), /fault (?:clock|heal) takes/);
  // Of a command no word is left out in silence.
  assert.throws(() => parseOptions(['exec', 'web1', 'kill', '-9', '42']), /'-9'/);
  assert.throws(() => parseOptions(['down', '-5']), /'-5'/);
});
