import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../../host/host.ts';
import { cacheOf, type FactCaches } from './fact-caches.ts';
import { freshenLists } from './freshen-lists.ts';

const MINUTE_MS = 60_000;

test('2.8: however many hosts a worker looks at, each has its lists fetched six hours apart at least', async () => {
  const caches: FactCaches = new Map();
  let asked = 0;
  // Without a package manager: looking for one is what can be counted.
  const host = {
    read: async (path: string) => {
      if (path === '/etc/os-release') asked += 1;
      return null;
    },
    list: async () => null,
    stat: async () => null,
  } as unknown as Host;
  const round = async (minute: number): Promise<number> => {
    const before = asked;
    for (let one = 0; one < 700; one += 1) {
      await freshenLists(host, { caches, key: `host-${one}` }, new Date(minute * MINUTE_MS));
      cacheOf(caches, `host-${one}`);
    }
    return asked - before;
  };
  const later = [await round(0), await round(5), await round(355), await round(360), await round(365)];
  assert.deepEqual(later, [700, 0, 0, 700, 0]);
  // A clock that was ahead holds nothing up.
  assert.equal(await round(100), 700);
});
