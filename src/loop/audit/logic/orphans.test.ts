import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orphansOf } from './orphans.ts';

const process = (packages: string[], ...replaced: [path: string, name: string | null][]) => ({
  pid: 7,
  startedAt: '2026-01-01T00:00:00.000Z',
  packages,
  replaced: replaced.map(([path, name]) => ({ path, package: name })),
});
const OLD = '/usr/lib/libdns-9.18.19.so';
const before = process(['bind9-libs', 'libc6']);
const after = process(['libc6'], [OLD, null]);
const orphan = { pid: 7, startedAt: before.startedAt, packages: ['bind9-libs'] };

test('whose file a process runs, when its very name is gone: what the process used before', () => {
  assert.deepEqual(orphansOf([before], [after], []), [orphan]);
  assert.deepEqual(orphansOf([after], [after], [orphan]), [orphan], 'remembered while it runs');
  assert.deepEqual(orphansOf([after], [process(['bind9-libs', 'libc6'])], [orphan]), [], 'and no longer');
  const another = { ...after, startedAt: '2026-01-02T00:00:00.000Z' };
  assert.deepEqual(orphansOf([after], [another], [orphan]), [], 'nor for another process of that number');
});

test('a file of nobody’s that was there all the time, or a package that was merely let go of, raises no doubt', () => {
  const jit = process(['libc6', 'plugin'], ['/tmp/jit', null]);
  assert.deepEqual(orphansOf([jit], [jit], []), []);
  assert.deepEqual(orphansOf([jit], [process(['libc6'], ['/tmp/jit', null])], []), []);
  assert.deepEqual(orphansOf([before], [process(['libc6'], [OLD, 'bind9-libs'])], []), [], 'its package is known');
});
