import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isAppError } from '../../model/errors/index.ts';
import { localHost } from '../local.ts';
import { testTree, type TestTree } from './testing.ts';
import { mustBeWritable, sealedAmong } from './writable.ts';

const trees: TestTree[] = [];
after(() => trees.forEach((tree) => tree.remove()));
const TABLE = '/dev/a / ext4 rw,relatime 0 0\n/dev/b /usr ext4 ro,relatime 0 0\n';

function host(hooks: string) {
  const tree = testTree();
  trees.push(tree);
  tree.put('proc/self/mounts', TABLE);
  tree.put('usr/bin/apt-config', `#!/bin/sh\necho '${hooks}'\n`);
  return localHost({ root: tree.root });
}

test('the nearest mount says whether a path can be written, and the last one at a place', () => {
  const places = ['/usr', '/etc', '/var/lib/dpkg'];
  assert.deepEqual(sealedAmong(places, TABLE), ['/usr']);
  assert.deepEqual(sealedAmong(places, `${TABLE}/dev/b /usr ext4 rw 0 0\n`), []);
  assert.deepEqual(sealedAmong(places, '/dev/a / ext4 ro 0 0\n/dev/c /var ext4 rw 0 0\n'), ['/usr', '/etc']);
  assert.deepEqual(sealedAmong(places, '/dev/a / ext4 rw 0 0\n/dev/b /usr2 ext4 ro 0 0\n'), []);
  assert.deepEqual(sealedAmong(places, ''), [], 'where nobody can tell, writing will');
});

test('a /usr that is mounted read-only is said before anything begins, unless apt mounts it for the time', async () => {
  await assert.rejects(mustBeWritable(host('')), (error) => {
    assert.ok(isAppError(error, 'STEP_READ_ONLY'));
    assert.match(error.message, /\/usr is mounted read-only/);
    return true;
  });
  await mustBeWritable(host('DPkg::Pre-Invoke:: "mount -o remount,rw /usr";'));
});
