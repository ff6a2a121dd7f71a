import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the demo keeps what it fetched: LASTEMBER_CACHE, else the user's cache directory, else a directory of this
 * user's under the temporary one (service accounts and containers often have no home that can be written).
 */
export function cacheDir(): string {
  const given = process.env['LASTEMBER_CACHE'];
  const candidates = given ? [given] : [...usual(), join(tmpdir(), `lastember-${process.getuid?.() ?? 'user'}`)];
  for (const dir of candidates) if (usable(dir)) return dir;
  throw new Error(
    `The demo keeps old runtimes in a cache directory, and none of ${candidates.join(', ')} is ours and can be written. ` +
      'Name one with LASTEMBER_CACHE=/some/dir.',
  );
}

function usual(): string[] {
  const xdg = process.env['XDG_CACHE_HOME'];
  return [...(xdg ? [join(xdg, 'lastember')] : []), ...home().map((dir) => join(dir, '.cache', 'lastember'))];
}

/** A uid without an account has no home directory, and asking for it throws. */
function home(): string[] {
  try {
    return [homedir()];
  } catch {
    return [];
  }
}

/** Programs are run from it: a directory that somebody else made under a shared one is none of ours. */
function usable(dir: string): boolean {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.W_OK | constants.X_OK);
    const { uid, mode } = statSync(dir);
    return uid === (process.getuid?.() ?? uid) && (mode & 0o022) === 0;
  } catch {
    return false;
  }
}
