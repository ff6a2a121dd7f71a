import { isAppError } from '../../model/errors/index.ts';
import type { Platform } from '../../platform/context.ts';
import { recordKits } from './kit-store.ts';
import { parseKit } from './kit-tools/parse.ts';
import type { CompiledKit } from './logic/kit/compile.ts';
import { installedDigests, installedKits } from './store-installed.ts';

/** A kit in force, and where it is from. */
export interface ShelvedKit extends CompiledKit {
  origin: 'shipped' | 'installed';
  signedBy: string | null;
}

export interface Shelf {
  /** as of the last look */
  all(): readonly ShelvedKit[];
  /** installed, but not readable by this release */
  unread(): ReadonlySet<string>;
  /** Looks whether somebody installed or removed one, on this server or another, and puts what is new on the trail. */
  refresh(): Promise<void>;
}

export function createShelf(platform: Platform, shipped: readonly CompiledKit[]): Shelf {
  const own: ShelvedKit[] = shipped.map((kit) => ({ ...kit, origin: 'shipped', signedBy: null }));
  let kits: readonly ShelvedKit[] = own;
  let unread: ReadonlySet<string> = new Set();
  let known: string | null = null;
  let looking: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    const digests = await installedDigests(platform.db);
    const digest = digests.map((one) => `${one.kit} ${one.digest}`).join('\n');
    if (digest === known) return;
    const brought = await readInstalled(platform, new Set(own.map(({ kit }) => kit.kit)));
    const now = [...own, ...brought].toSorted((a, b) => (a.kit.kit < b.kit.kit ? -1 : 1));
    await recordKits(platform, now);
    kits = now;
    unread = new Set(digests.map(({ kit }) => kit).filter((id) => !now.some(({ kit }) => kit.kit === id)));
    known = digest;
  };
  return {
    all: () => kits,
    unread: () => unread,
    refresh: () => (looking ??= look().finally(() => (looking = null))),
  };
}

/** One that this release cannot read any more is left out with a warning; it must not stop all others. */
async function readInstalled(platform: Platform, taken: ReadonlySet<string>): Promise<ShelvedKit[]> {
  const rows = await installedKits(platform.db);
  return rows.flatMap(({ kit, text, signed_by: signedBy }): ShelvedKit[] => {
    try {
      if (taken.has(kit)) throw new Error('this release brings one of that name');
      return [{ ...parseKit(text, `${kit}/kit.yaml`), origin: 'installed', signedBy }];
    } catch (error) {
      if (!isAppError(error) && !taken.has(kit)) throw error;
      platform.log.warn({ kit, why: (error as Error).message }, 'an installed kit is not in force');
      return [];
    }
  });
}
