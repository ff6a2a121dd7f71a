import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.ts';

/**
 * Has a server that begins with this data directory find agents that were packed before: that takes a minute of the
 * processor, and minutes of a busy one. What is made is named by what it holds, and good for the next server.
 */
export function keepAgents({ cache }: Place, dataDir: string): void {
  const packed = join(cache, 'agents');
  mkdirSync(packed, { recursive: true, mode: 0o755 });
  mkdirSync(dataDir, { mode: 0o755 });
  symlinkSync(packed, join(dataDir, 'cache'));
}
