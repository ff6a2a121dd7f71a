import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/**
 * Where the demo keeps what it fetched: LASTEMBER_CACHE, else the user's cache directory, else a directory of this
 * user's under the temporary one (service accounts and containers often have no home that can be written).
 */
export function cacheDir(): string {
  const given = process.env['LASTEMBER_CACHE'];
  const candidates = given ? [given] : [...usual(), join(tmpdir(), `lastember-${userInfo().uid}`)];
  for (const dir of candidates) if (usable(dir)) return dir;
  throw new Error(
    `The demo keeps old runtimes in a cache directory, and none of ${candidates.join(', ')} can be written. ` +
      'Name one that can with LASTEMBER_CACHE=/some/dir.',
  );
}

function usual(): string[] {
  const xdg = process.env['XDG_CACHE_HOME'];
  return [...(xdg ? [join(xdg, 'lastember')] : []), join(homedir(), '.cache', 'lastember')];
}

function usable(dir: string): boolean {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
