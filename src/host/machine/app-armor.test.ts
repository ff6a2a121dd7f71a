import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../host.ts';
import { appArmor, countProfiles } from './app-armor.ts';

test('profiles of AppArmor are counted by their mode', () => {
  const list =
    '/usr/sbin/cupsd (enforce)\n/usr/sbin/cups-browsed (complain)\nman_filter (enforce)\nlsb_release (kill)\n';
  assert.deepEqual(countProfiles(list), { enforced: 3, complaining: 1 });
  assert.deepEqual(countProfiles(''), { enforced: 0, complaining: 0 });
  assert.deepEqual(countProfiles(null), { enforced: null, complaining: null });
});

test('AppArmor that is on, with a list that nobody may read, is on with nothing known of its profiles', async () => {
  const files: Record<string, string> = { '/sys/module/apparmor/parameters/enabled': 'Y\n' };
  const host = {
    read: async (path: string) => {
      if (path.endsWith('/profiles')) throw new Error('EACCES');
      return files[path] === undefined ? null : Buffer.from(files[path]);
    },
  } as unknown as Host;
  assert.deepEqual(await appArmor(host), { enabled: true, enforced: null, complaining: null });
  delete files['/sys/module/apparmor/parameters/enabled'];
  assert.deepEqual(await appArmor(host), { enabled: false, enforced: null, complaining: null });
});
