import type { Space } from '../../model/source.ts';
import type { Scope } from '../../model/estate.ts';
import type { Platform } from '../../platform/context.ts';
import type { Interval } from '../../scan/logic/address.ts';
import { containsAddress, parseTargets, subtractIntervals } from '../../scan/logic/targets.ts';
import { blindness } from './logic/space.ts';
import { excludedByAll } from './scopes.ts';
import { sharedRecords } from './store-shared.ts';
import { findScopes } from './store-scans.ts';
import { knownBlocks, knownHosts, lastScans } from './store-space.ts';

interface Looked {
  scope: Scope;
  intervals: Interval[];
  scannedAt: Date | null;
}

/** Which address space was seen by which source how recently, and where we are blind. */
export async function addressSpace(platform: Platform): Promise<Space> {
  const now = platform.now();
  const noMachines = await sharedRecords(platform.db);
  const [scopes, blocks, scans, hosts] = await Promise.all([
    findScopes(platform.db),
    knownBlocks(platform.db, noMachines),
    lastScans(platform.db),
    knownHosts(platform.db, noMachines),
  ]);
  const excluded = intervalsOf(excludedByAll(scopes));
  const looked: Looked[] = scopes.map((scope) => ({
    scope,
    intervals: subtractIntervals(intervalsOf(scope.cidrs), excluded),
    scannedAt: scans.get(scope.id) ?? null,
  }));
  const found = new Set<string>();
  const items = blocks.map(({ address, ...block }) => {
    const at = looked.filter(({ intervals }) => containsAddress(intervals, address)).toSorted(latestFirst)[0];
    if (at) found.add(at.scope.id);
    const scannedAt = at?.scannedAt ?? null;
    return {
      ...block,
      scope: at?.scope.name ?? null,
      scannedAt: scannedAt?.toISOString() ?? null,
      blind: blindness(at?.scope ?? null, scannedAt, now),
    };
  });
  const empty = looked
    .filter(({ scope }) => !found.has(scope.id))
    .map(({ scope, scannedAt }) => ({
      scope: scope.name,
      scannedAt: scannedAt?.toISOString() ?? null,
      why: blindness(scope, scannedAt, now) ?? 'nothing was found there',
    }));
  return { items, empty, ...hosts };
}

const intervalsOf = (texts: readonly string[]): Interval[] => parseTargets(texts, { confirmWide: true }).intervals;
const latestFirst = (a: Looked, b: Looked): number => (b.scannedAt?.getTime() ?? 0) - (a.scannedAt?.getTime() ?? 0);
