import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAmongLocks } from './half-way.ts';

test('a lock is of a file when inode and device are; file systems that have two numbers get the benefit of the doubt', () => {
  const locks = `1: POSIX  ADVISORY  WRITE 77 fd:00:1234 0 EOF
2: FLOCK  ADVISORY  WRITE 78 00:5b:5 0 EOF
3: -> POSIX  ADVISORY  WRITE 79 08:01:99 0 EOF
4: LEASE  ACTIVE    READ 80 08:01:7 0 EOF
`;
  const held = (device: string | null, inode: string): boolean => isAmongLocks([{ device, inode }], locks);
  assert.ok(held('fd:00', '1234'));
  assert.ok(!held('08:01', '1234'), 'another disk has a file of that number, too');
  assert.ok(!held('fd:00', '234'));
  assert.ok(held('00:1f', '1234') && held('08:01', '5') && held(null, '1234'));
  assert.ok(held('08:01', '99'));
  assert.ok(!held('08:01', '7'), 'a lease is no lock');
});
