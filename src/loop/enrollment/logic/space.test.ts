import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { test } from 'node:test';
import { freeMb } from './space.ts';

test('free space: as df says it, whose numbers are the file system’s', () => {
  const told = freeMb(execFileSync('df', ['-Pk', '/'], { encoding: 'utf8' }))!;
  const { bavail, bsize } = statfsSync('/');
  // Others write meanwhile.
  assert.ok(Math.abs(told - (bavail * bsize) / 2 ** 20) < 512, `${told}`);
});

test('a long device name does not move the columns; what is no answer is none', () => {
  const long =
    'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/mapper/vg-root 131072 125952 5120 97% /\n';
  assert.equal(freeMb(long), 5);
  for (const text of ['', 'df: /opt: No such file or directory', 'Filesystem\n']) assert.equal(freeMb(text), null);
});
