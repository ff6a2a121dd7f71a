import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAppError } from '../../../model/errors/index.ts';
import { parseHostList } from './host-list.ts';

test('host lists: lines, CSV, JSON lines', () => {
  assert.deepEqual(parseHostList('# ours\n10.0.0.1 web-1\n\n10.0.0.2\nweb-3.example'), [
    { line: 2, target: '10.0.0.1', name: 'web-1', owner: null, tags: {} },
    { line: 4, target: '10.0.0.2', name: null, owner: null, tags: {} },
    { line: 5, target: 'web-3.example', name: null, owner: null, tags: {} },
  ]);
  assert.deepEqual(parseHostList('Name,Address,Owner,Data Centre\n"web ""1""",10.0.0.1,"a, b",x'), [
    { line: 2, target: '10.0.0.1', name: null, owner: 'a, b', tags: { data_centre: 'x' } },
  ]);
  assert.deepEqual(parseHostList('{"name":"db-1","tags":{"env":"prod"}}\n{"address":"::1"}'), [
    { line: 1, target: 'db-1', name: 'db-1', owner: null, tags: { env: 'prod' } },
    { line: 2, target: '::1', name: null, owner: null, tags: {} },
  ]);
  assert.deepEqual(parseHostList(' \n'), []);
  for (const text of ['{"name":"a"}\nnot json', '{"x":1}', 'address\n<script>', 'a b c\n!!', '{"name":"a"}\n[1]']) {
    assert.throws(
      () => parseHostList(text),
      (error) => isAppError(error, 'IMPORT_INVALID'),
      text,
    );
  }
});
